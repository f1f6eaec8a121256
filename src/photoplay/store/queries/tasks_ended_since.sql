select * from tasks
where account_id = :account_id and (finished_at, id::text) > (:after, :after_id)
order by finished_at, id::text
limit :count_max
