insert into accounts (id, name, kind, callback_secret)
values (:id, :name, :kind, :callback_secret)
on conflict (name, kind) do nothing
returning id
