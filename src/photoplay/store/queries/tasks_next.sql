-- Which task goes first: one that the engine's server is at work for already, so that nobody else takes its place there;
-- then, if there is room, normal before low priority; then the account with the fewest unfinished tasks, among equals the
-- one that has been at work for longest; then its oldest task.
select coalesce(
    (
        select id
        from tasks
        where submission ->> 'engine' = :engine and submission is not null and engine = :engine and state = 'waiting'
          and not_before <= clock_timestamp()
        order by created_at
        limit 1
    ),
    (
        select task.id
        from (values (0), (1)) as priorities (priority)
        cross join lateral (
            select first.id
            from accounts
            cross join lateral (
                select id
                from tasks
                where account_id = accounts.id and engine = :engine and state = 'waiting'
                  and not_before <= clock_timestamp()
                  -- A range of one and an order that names it: only the index on this very order can answer, however
                  -- many wait.
                  and priority between priorities.priority and priorities.priority
                order by priority, created_at
                limit 1
            ) as first
            where unfinished_tasks > 0
            order by unfinished_tasks, active_since
            limit 1
        ) as task
        where :has_room::boolean
        order by priorities.priority
        limit 1
    )
)
where not exists (select from service where mode = 'paused')
