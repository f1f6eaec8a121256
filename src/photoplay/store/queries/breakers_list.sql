-- An open one whose time is over is half-open, though its worker has not had a task to find out with.
select worker_id, engine, failed_tasks, error, retry_at,
       case when state = 'open' and retry_at <= now() then 'half_open' else state end as state
from breakers
where told_at > now() - interval '1 hour'
order by engine, told_at
