update tasks
set state = :state, claim = null, lease_until = null, attempts_max = attempts_max + :more,
    updated_at = clock_timestamp()
where id = :id
