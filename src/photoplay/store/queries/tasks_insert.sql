insert into tasks (
    id, account_id, key_id, model, request, input, callback_url, attempts_max, price_credits, balance_credits, seed
)
values (
    :id, :account_id, :key_id, :model, :request, :input, :callback_url,
    :attempts_max, :price_credits, :balance_credits, :seed
)
