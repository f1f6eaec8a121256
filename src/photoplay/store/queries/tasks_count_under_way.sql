-- What an engine's server is at work for, or may be: tasks that a worker has, that wait for another to go on with them,
-- or that have ended here and not there, which will not be for longer than an hour.
select
    (
        select count(*) from tasks
        where lease_until is not null and (engine = :engine or submission ->> 'engine' = :engine)
    ) + (
        select count(*) from tasks
        where submission ->> 'engine' = :engine and submission is not null and state = 'waiting'
    ) + (
        select count(*) from tasks
        where submission ->> 'engine' = :engine and submission is not null and finished_at is not null
          and finished_at > clock_timestamp() - interval '1 hour'
    )
