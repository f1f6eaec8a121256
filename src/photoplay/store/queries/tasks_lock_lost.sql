select * from tasks
where lease_until < clock_timestamp()
order by lease_until
limit 1
for update skip locked
