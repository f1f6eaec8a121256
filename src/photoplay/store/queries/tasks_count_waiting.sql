select count(*) from (select from tasks where state = 'waiting' limit :count_max) as waiting
