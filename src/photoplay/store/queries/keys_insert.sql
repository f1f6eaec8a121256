insert into keys (
    id, account_id, name, prefix, sha256, is_admin,
    models, networks, expires_at, hour_credits_max, day_credits_max, total_credits_max
)
values (
    :id, :account_id, :name, :prefix, :sha256, :is_admin,
    :models, :networks, :expires_at, :hour_credits_max, :day_credits_max, :total_credits_max
)
