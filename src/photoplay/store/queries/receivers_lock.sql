select failures from receivers where account_id = :account_id and host = :host for update
