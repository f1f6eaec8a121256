select key_sha256 from sessions where sha256 = :sha256 and expires_at > now()
