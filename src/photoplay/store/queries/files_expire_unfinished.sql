update files set expires_at = now() where task_id = :task_id and not is_ready
