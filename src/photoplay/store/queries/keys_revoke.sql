update keys set revoked_at = coalesce(revoked_at, now()) where id = :id
