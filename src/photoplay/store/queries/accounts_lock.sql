select id, name, balance_credits, callback_secret from accounts where id = :id for update
