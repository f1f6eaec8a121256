select accounts.id, name, kind, balance_credits, held_credits, unfinished_tasks, created_at,
       (select count(*) from keys where account_id = accounts.id and revoked_at is null) as keys
from accounts
where (:name::text is null or name = :name) and (:kind::text is null or kind = :kind)
order by name, kind
