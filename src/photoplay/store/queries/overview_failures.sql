select engine, fail_code, left(fail_message, 200) as message, count(*) as tasks, max(finished_at) as last_at
from tasks
where finished_at > clock_timestamp() - :since::interval and state in ('failed', 'expired')
group by 1, 2, 3
order by tasks desc, last_at desc
limit 20
