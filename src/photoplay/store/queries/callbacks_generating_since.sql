select id, task_id, body, created_at from callbacks
where account_id = :account_id and event = 'generating' and (created_at, id) > (:after, :after_id)
order by created_at, id
limit :count_max
