update files
set is_ready = true, size_bytes = :size_bytes, expires_at = now() + :lifetime::interval
where path = :path
returning *
