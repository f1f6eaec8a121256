select account_id, count(*) as created, min(created_at) + :window::interval - clock_timestamp() as free_in
from tasks
where account_id = any(:account_ids) and created_at > clock_timestamp() - :window::interval
group by account_id
