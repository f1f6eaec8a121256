update accounts
set earlier_secret = callback_secret, earlier_secret_until = clock_timestamp() + :overlap::interval,
    callback_secret = :secret
where id = :account_id
returning name, earlier_secret_until
