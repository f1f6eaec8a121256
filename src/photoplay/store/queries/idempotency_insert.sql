insert into idempotency (account_id, key, task_id, request_sha256)
values (:account_id, :key, :task_id, :request_sha256)
on conflict (account_id, key) do update
set task_id = excluded.task_id, request_sha256 = excluded.request_sha256, created_at = now()
