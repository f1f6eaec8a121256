select count(*) from tasks where account_id = :account_id and finished_at is null
