select id, attempt from tasks
where state = 'waiting' and updated_at < clock_timestamp() - :older_than::interval
  and not exists (
      select from pgqueuer
      where dedupe_key = replace(tasks.id::text, '-', '') || ':' || tasks.attempt and status in ('queued', 'picked')
  )
limit 100
