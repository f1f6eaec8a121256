select * from files where path = :path and is_ready and expires_at > now()
