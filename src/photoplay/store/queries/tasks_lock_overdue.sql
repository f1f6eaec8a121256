select * from tasks
where state = 'waiting' and created_at < clock_timestamp() - :waiting::interval
order by created_at
limit 1
for update skip locked
