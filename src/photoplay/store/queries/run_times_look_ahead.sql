-- What goes before a waiting task, as tasks_next.sql chooses, and what runs now; both counted, and in seconds.
with own as (
    select max(seconds) as seconds from run_times where engine = :engine and model = :model and size = :size
), ahead as (
    select earlier.model, earlier.size
    from accounts as mine, accounts
    cross join lateral (
        -- Up to where an account's tasks go first: all of this priority, those before this one, or none of it.
        select case
            when accounts.id = mine.id then :created_at::timestamptz
            when (accounts.unfinished_tasks, accounts.active_since, accounts.id)
                < (mine.unfinished_tasks, mine.active_since, mine.id) then 'infinity'
            else '-infinity'
        end as created_at
    ) as bound
    cross join lateral (
        select model, size
        from tasks
        where account_id = accounts.id and engine = :engine and state = 'waiting'
          -- As the index is ordered, so that what goes later is not read, however much it is.
          and (priority, created_at) < (:priority::smallint, bound.created_at)
        order by priority, created_at
        limit :count_max
    ) as earlier
    where mine.id = :account_id and accounts.unfinished_tasks > 0
    limit :count_max
), running as (
    select model, size, (100 - progress) / 100.0 as share_left
    from tasks
    where lease_until is not null and engine = :engine
)
select
    own.seconds as own_s,
    ahead.tasks as ahead, coalesce(ahead.seconds, 0) as ahead_s,
    running.tasks as running, coalesce(running.seconds, 0) as running_s
from own, lateral (
    select count(*) as tasks, sum(coalesce(measured.seconds, own.seconds)) as seconds
    from ahead
    left join run_times as measured
        on (measured.engine, measured.model, measured.size) = (:engine, ahead.model, ahead.size)
) as ahead, lateral (
    select count(*) as tasks, sum(coalesce(measured.seconds, own.seconds) * share_left) as seconds
    from running
    left join run_times as measured
        on (measured.engine, measured.model, measured.size) = (:engine, running.model, running.size)
) as running
