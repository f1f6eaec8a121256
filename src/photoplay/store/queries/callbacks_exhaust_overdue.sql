-- What waited longer than its schedule can take behind a receiver that has not answered just now. After a stop of days, or
-- when the clock jumps, nobody knows that yet: then it is asked first. Everything has had its turn once.
update callbacks
set state = 'exhausted', lease_until = null, concluded_at = clock_timestamp()
where id in (
    select callbacks.id from callbacks
    join receivers on (receivers.account_id, receivers.host) = (callbacks.account_id, callbacks.host)
    where callbacks.state = 'pending' and scheduled_at < statement_timestamp() - :longest::interval
      and attempt > schedule_after
      and receivers.failures >= :failures_max and receivers.paused_until > statement_timestamp()
      and (lease_until is null or lease_until < statement_timestamp())
    limit 1000 for update of callbacks skip locked
)
returning id
