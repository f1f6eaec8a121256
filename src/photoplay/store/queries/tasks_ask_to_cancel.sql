update tasks set cancel_asked = true, updated_at = clock_timestamp() where id = :id
