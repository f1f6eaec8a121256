update receivers set paused_until = null where account_id = :account_id and host = :host
