insert into breakers (worker_id, engine, state, failed_tasks, error, retry_at)
values (:worker_id, :engine, :state, :failed_tasks, :error, :retry_at)
on conflict (worker_id, engine) do update
set state = excluded.state, failed_tasks = excluded.failed_tasks, error = excluded.error,
    retry_at = excluded.retry_at, told_at = now()
