-- Accounts before keys, both in the order of their ids: as a settle locks them, so that nobody waits in a ring.
select keys.id as key_id, accounts.id as account_id, balance_credits, unfinished_tasks,
       revoked_at is null and (expires_at is null or expires_at > clock_timestamp()) as is_live,
       hour_credits_max, day_credits_max, total_credits_max, total_credits,
       case when date_trunc('hour', spent_at, 'UTC') = date_trunc('hour', greatest(spent_at, now()), 'UTC')
            then hour_credits else 0 end as hour_credits,
       case when date_trunc('day', spent_at, 'UTC') = date_trunc('day', greatest(spent_at, now()), 'UTC')
            then day_credits else 0 end as day_credits
from accounts join keys on keys.account_id = accounts.id
where keys.id = any(:key_ids)
order by accounts.id, keys.id
for update
