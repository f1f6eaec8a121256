-- Receivers with something due and room for it: those of the least busy accounts first, and in an account those that
-- answered last time. A row that somebody else
-- holds is left out: its holder wakes the workers when it is done.
with busy as (
    select account_id, host, count(*) as deliveries from callbacks
    where lease_until > statement_timestamp()
    group by account_id, host
), busy_accounts as (
    select account_id, sum(deliveries) as deliveries from busy group by account_id
), ready as (
    select receivers.account_id, receivers.host,
        coalesce(busy_accounts.deliveries, 0) + row_number() over (
            partition by receivers.account_id order by failures > 0, greatest(next_at, paused_until)
        ) as place
    from receivers
    left join busy on (busy.account_id, busy.host) = (receivers.account_id, receivers.host)
    left join busy_accounts on busy_accounts.account_id = receivers.account_id
    where next_at is not null and greatest(next_at, paused_until) <= statement_timestamp()
      and coalesce(busy.deliveries, 0) < case when failures >= :failures_max then 1 else :at_once_max end
)
select receivers.account_id, receivers.host
from receivers join ready on (ready.account_id, ready.host) = (receivers.account_id, receivers.host)
where ready.place <= :share
order by ready.place
limit :room
for update of receivers skip locked
