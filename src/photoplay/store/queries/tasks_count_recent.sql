select count(*) as created,
       coalesce(min(created_at) + :window::interval - clock_timestamp(), interval '0') as free_in
from tasks
where account_id = :account_id and created_at > clock_timestamp() - :window::interval
