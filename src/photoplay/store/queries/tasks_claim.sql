-- Only a waiting task can be claimed: of two workers, one gets it.
update tasks
set state = :state, attempt = attempt + 1, claim = :token,
    lease_until = clock_timestamp() + :lease::interval, updated_at = clock_timestamp()
where id = :id and state = 'waiting' and attempt < attempts_max
returning *
