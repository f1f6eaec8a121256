update callbacks
set state = :state, next_at = clock_timestamp() + :delay::interval, lease_until = null
where id = :id and attempt = :attempt
