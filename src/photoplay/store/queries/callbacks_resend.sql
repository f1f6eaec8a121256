-- What is under way now stays as it is.
update callbacks
set state = 'pending', schedule_after = attempt, scheduled_at = clock_timestamp(), next_at = clock_timestamp(),
    lease_until = null, concluded_at = null
where account_id = :account_id
  and (task_id = :task_id or state in ('gone', 'exhausted') and concluded_at >= :failed_since)
  and (lease_until is null or lease_until < clock_timestamp())
  and host = any(:hosts)
returning id
