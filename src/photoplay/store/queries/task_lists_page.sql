-- Newest first. Filters that are null are folded away when this is planned, which is why it is planned each time.
select *
from tasks
where account_id = :account_id
  and (:model::text is null or model = :model)
  and (:key_ids::uuid[] is null or key_id = any(:key_ids))
  and (:reference::text is null or reference = :reference)
  and (:after::timestamptz is null or created_at >= :after)
  and (:before::timestamptz is null or created_at < :before)
  and (:cursor_at::timestamptz is null or (created_at, id) < (:cursor_at, :cursor_id))
order by created_at desc, id desc
limit :limit
