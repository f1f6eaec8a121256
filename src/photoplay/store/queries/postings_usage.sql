-- Every movement counts on the UTC day that it happened: the days of a range add up to the range.
select said.*, accounts.name as account, keys.name as key_name, keys.prefix as key_prefix
from (
    select (created_at at time zone 'UTC')::date as day, account_id, key_id, model,
           count(*) filter (where reason = 'hold' and book = 'held') as tasks,
           coalesce(sum(credits) filter (where reason = 'hold' and book = 'held'), 0)::bigint as held,
           coalesce(sum(credits) filter (where reason = 'post' and book = 'revenue'), 0)::bigint as charged,
           coalesce(sum(credits) filter (where reason = 'release' and book = 'available'), 0)::bigint as given_back
    from postings
    where (:account_id::uuid is null or account_id = :account_id) and task_id is not null
      and created_at >= :since::date::timestamp at time zone 'UTC'
      and created_at < (:until::date + 1)::timestamp at time zone 'UTC'
    group by 1, 2, 3, 4
) as said
join accounts on accounts.id = said.account_id
join keys on keys.id = said.key_id
order by day, account, key_name, key_prefix, model
