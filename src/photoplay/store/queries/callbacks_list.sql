select *, lease_until > clock_timestamp() as is_under_way from callbacks
where account_id = :account_id
  and (:task_id::uuid is null or task_id = :task_id)
  and (:states::text[] is null or state = any(:states))
order by created_at desc, id
limit :count_max
