select greatest(next_at, paused_until) - clock_timestamp() as wait from receivers
where next_at is not null and greatest(next_at, paused_until) > statement_timestamp()
order by greatest(next_at, paused_until)
limit 1
