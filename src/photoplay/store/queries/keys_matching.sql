select id from keys where account_id = :account_id and (id = :id or prefix = :prefix)
