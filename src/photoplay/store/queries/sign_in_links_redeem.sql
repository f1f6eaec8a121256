delete from sign_in_links where sha256 = :sha256 and expires_at > now() returning key_sha256
