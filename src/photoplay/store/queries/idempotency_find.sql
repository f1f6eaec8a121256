select task_id, request_sha256 from idempotency
where account_id = :account_id and key = :key and created_at > now() - interval '24 hours'
