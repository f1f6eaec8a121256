select id, attempt from callbacks
where state = 'pending' and next_at < clock_timestamp() - :older_than::interval
  and (lease_until is null or lease_until < clock_timestamp())
  and not exists (
      select from pgqueuer
      where dedupe_key = callbacks.id || ':' || callbacks.attempt and status in ('queued', 'picked')
  )
limit 100
