select id, name, balance_credits, callback_secret from accounts where name = :name and kind = :kind
