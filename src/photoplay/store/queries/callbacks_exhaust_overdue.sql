-- What waited longer than its schedule can take, behind a receiver that never answers.
update callbacks
set state = 'exhausted', lease_until = null, concluded_at = clock_timestamp()
where id in (
    select id from callbacks
    where state = 'pending' and scheduled_at < statement_timestamp() - :longest::interval
      and (lease_until is null or lease_until < statement_timestamp())
    limit 1000 for update skip locked
)
returning id
