select state, count(*) as tasks from tasks where finished_at is null group by state
