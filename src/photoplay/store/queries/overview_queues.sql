select engine, count(*) as waiting, extract(epoch from clock_timestamp() - min(created_at)) as oldest_s
from tasks
where state = 'waiting'
group by engine
order by engine
