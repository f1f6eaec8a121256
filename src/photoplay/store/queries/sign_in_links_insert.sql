insert into sign_in_links (sha256, key_sha256, expires_at) values (:sha256, :key_sha256, now() + :lifetime::interval)
