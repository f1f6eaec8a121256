insert into accounts (id, name, callback_secret)
values (:id, :name, :callback_secret)
on conflict (name) do nothing
