select * from tasks where id = :id and account_id = :account_id for update
