-- As task_lists_page.sql, for some states only: each has its own order in the index, and the newest of all are taken.
select found.*
from unnest(:states::text[]) as wanted (state)
cross join lateral (
    select *
    from tasks
    where state = wanted.state and account_id = :account_id
      and (:model::text is null or model = :model)
      and (:key_ids::uuid[] is null or key_id = any(:key_ids))
      and (:reference::text is null or reference = :reference)
      and (:after::timestamptz is null or created_at >= :after)
      and (:before::timestamptz is null or created_at < :before)
      and (:cursor_at::timestamptz is null or (created_at, id) < (:cursor_at, :cursor_id))
    order by created_at desc, id desc
    limit :limit
) as found
order by created_at desc, id desc
limit :limit
