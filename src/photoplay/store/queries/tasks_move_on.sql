-- The first of the tasks that wait for an engine and may go on to another one: what has a job at another server stays.
update tasks
set engine = chosen.next_engine, updated_at = clock_timestamp()
from (
    select tasks.id, moves.next_engine
    from tasks
    join unnest(:models::text[], :next_engines::text[]) as moves (model, next_engine) on moves.model = tasks.model
    where tasks.engine = :engine and state = 'waiting' and submission is null
    order by priority, created_at
    limit 1
    for update of tasks skip locked
) as chosen
where tasks.id = chosen.id
returning tasks.id, tasks.engine
