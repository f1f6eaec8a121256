-- Of receivers that are held: each gets what fits beside what is under way there, each account no more than its share.
with busy as (
    select account_id, host, count(*) as deliveries from callbacks
    where lease_until > statement_timestamp()
    group by account_id, host
), busy_accounts as (
    select account_id, sum(deliveries) as deliveries from busy group by account_id
), candidates as (
    select due.id, due.next_at,
        coalesce(busy_accounts.deliveries, 0) + row_number() over (
            partition by receivers.account_id order by receivers.failures > 0, due.place, due.next_at
        ) as place
    from unnest(:account_ids::uuid[], :hosts::text[]) as held (account_id, host)
    join receivers on (receivers.account_id, receivers.host) = (held.account_id, held.host)
    left join busy on (busy.account_id, busy.host) = (held.account_id, held.host)
    left join busy_accounts on busy_accounts.account_id = held.account_id
    cross join lateral (
        select id, next_at, row_number() over (order by next_at) as place from callbacks
        where account_id = held.account_id and host = held.host
          and state = 'pending' and next_at <= statement_timestamp()
        order by next_at
        limit greatest(
            case when receivers.failures >= :failures_max then 1 else :at_once_max end - coalesce(busy.deliveries, 0), 0
        )
    ) as due
), chosen as (
    select id from candidates where place <= :share order by place, next_at limit :room
), claimed as (
    update callbacks
    set attempt = attempt + 1,
        lease_until = statement_timestamp() + :lease::interval, next_at = statement_timestamp() + :lease::interval
    from chosen, accounts
    -- Its state again: who gives up what is overdue holds no receiver.
    where callbacks.id = chosen.id and callbacks.state = 'pending' and accounts.id = callbacks.account_id
    returning callbacks.*, callback_secret,
        case when earlier_secret_until > statement_timestamp() then earlier_secret end as earlier_secret
), begun as (
    insert into deliveries (callback_id, attempt, started_at) select id, attempt, clock_timestamp() from claimed
)
select * from claimed
