select
    (select count(*) from callbacks where state = 'pending') as pending_callbacks,
    coalesce(extract(epoch from clock_timestamp() - (select min(created_at) from tasks where state = 'waiting')), 0)
        as oldest_waiting_s
