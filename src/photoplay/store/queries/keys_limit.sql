update keys
set models = :models, networks = :networks, expires_at = :expires_at,
    hour_credits_max = :hour_credits_max, day_credits_max = :day_credits_max, total_credits_max = :total_credits_max
where id = :id
