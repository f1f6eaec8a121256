select id, account_id from keys where sha256 = :sha256 and revoked_at is null
