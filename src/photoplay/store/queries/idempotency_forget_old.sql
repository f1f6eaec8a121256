delete from idempotency where created_at < now() - interval '24 hours'
