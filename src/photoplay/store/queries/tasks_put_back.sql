update tasks
set state = :state, engine = :engine, claim = null, lease_until = null, stage = null, attempts_max = attempts_max + :more,
    -- The transaction's moment, as the queue counts: the wake-up must not come too early.
    not_before = now() + :delay::interval, updated_at = clock_timestamp()
where id = :id
