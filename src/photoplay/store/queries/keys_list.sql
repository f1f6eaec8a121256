-- An hour or a day that is over has spent nothing, as keys_lock.sql counts.
select keys.id, account_id, accounts.name as account, kind, keys.name, prefix, is_admin,
       models, networks, expires_at, hour_credits_max, day_credits_max, total_credits_max, total_credits,
       case when date_trunc('hour', spent_at, 'UTC') = date_trunc('hour', greatest(spent_at, now()), 'UTC')
            then hour_credits else 0 end as hour_credits,
       case when date_trunc('day', spent_at, 'UTC') = date_trunc('day', greatest(spent_at, now()), 'UTC')
            then day_credits else 0 end as day_credits,
       keys.created_at, last_used_at, revoked_at,
       case when previous_until > now() then previous_prefix end as previous_prefix,
       case when previous_until > now() then previous_until end as previous_until
from keys join accounts on accounts.id = account_id
where (:account::text is null or accounts.name = :account)
  and (:kind::text is null or kind = :kind)
  and (:id::uuid is null or keys.id = :id)
  and (:prefix::text is null or :prefix in (prefix, previous_prefix))
  and (:sha256::bytea is null or :sha256 in (sha256, previous_sha256))
order by accounts.name, kind, keys.created_at
