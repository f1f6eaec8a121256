insert into callbacks (id, task_id, account_id, url, body, next_at)
values (:id, :task_id, :account_id, :url, :body, clock_timestamp() + :delay::interval)
