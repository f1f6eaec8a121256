delete from tasks
where id in (
    select id from tasks
    where finished_at < now() - :lifetime::interval
        and not exists (select from callbacks where callbacks.task_id = tasks.id and callbacks.state = 'pending')
    order by finished_at
    limit 1000
)
returning id
