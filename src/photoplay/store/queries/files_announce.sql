insert into files (path, account_id, task_id, mime_type, original_name, expires_at)
values (:path, :account_id, :task_id, :mime_type, :original_name, now() + interval '1 hour')
