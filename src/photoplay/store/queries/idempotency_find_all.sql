select account_id, key, task_id, request_sha256
from idempotency
join unnest(:account_ids::uuid[], :keys::text[]) as wanted (account_id, key) using (account_id, key)
where created_at > now() - interval '24 hours'
