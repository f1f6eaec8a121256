select
    count(*) filter (where state = 'pending') as pending,
    count(*) filter (where state = 'pending' and next_at <= clock_timestamp()) as due,
    count(*) filter (where state = 'pending' and attempt > 0 and lease_until is null) as failing,
    count(*) filter (where state in ('gone', 'exhausted') and concluded_at > clock_timestamp() - :since::interval)
        as exhausted,
    (select count(*) from files where is_ready) as files,
    (select coalesce(sum(size_bytes), 0)::bigint from files where is_ready) as files_bytes
from callbacks
