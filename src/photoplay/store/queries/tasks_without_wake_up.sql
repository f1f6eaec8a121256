-- Each waiting task has queued a wake-up for its engine. Where a task is due and no wake-up is left, some were lost.
select id, engine, attempt
from tasks
where state = 'waiting' and greatest(not_before, updated_at) < clock_timestamp() - :older_than::interval
  and not exists (
      select from pgqueuer where entrypoint = 'generate-' || tasks.engine and status = 'queued'
  )
  -- While the service is paused, they would be used up for nothing.
  and not exists (select from service where mode = 'paused')
limit 100
