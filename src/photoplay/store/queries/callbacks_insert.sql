insert into callbacks (id, task_id, account_id, url, body)
values (:id, :task_id, :account_id, :url, :body)
