insert into tasks (
    id, account_id, key_id, model, engine, priority, reference, request, input, size, callback_url, callback_events,
    attempts_max, price_credits, balance_credits, seed, script
)
values (
    :id, :account_id, :key_id, :model, :engine, :priority, :reference, :request, :input, :size, :callback_url,
    :callback_events, :attempts_max, :price_credits, :balance_credits, :seed, :script
)
