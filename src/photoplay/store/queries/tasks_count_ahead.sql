select count(*) from (
    select from tasks where state = 'waiting' and created_at < :created_at limit :count_max
) as ahead
