-- Tasks that ended while another server may still be at work for them; it will not be for longer than an hour.
select * from tasks
where submission ->> 'engine' = :engine and submission is not null and finished_at is not null
  and finished_at > clock_timestamp() - interval '1 hour'
order by finished_at
limit 100
