update tasks
set lease_until = clock_timestamp() + :lease::interval,
    progress = greatest(progress, :progress), updated_at = clock_timestamp()
where id = :id and claim = :claim
returning cancel_asked
