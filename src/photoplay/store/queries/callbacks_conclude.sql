-- Fenced by the attempt: a worker whose delivery was given up for lost writes nothing.
update callbacks
set state = :state, times = :times, lease_until = null, next_at = clock_timestamp() + :delay::interval,
    concluded_at = case when :state <> 'pending' then clock_timestamp() end
where id = :id and attempt = :attempt and state = 'pending'
returning case when state = 'pending' then next_at end as next_at
