update receivers
set failures = :failures, paused_until = clock_timestamp() + :pause::interval
where account_id = :account_id and host = :host
