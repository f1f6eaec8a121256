update tasks
set submission = null
where id = :id and finished_at is not null
