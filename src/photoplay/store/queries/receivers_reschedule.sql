update receivers
set next_at = (
    select min(next_at) from callbacks
    where (callbacks.account_id, callbacks.host) = (receivers.account_id, receivers.host) and state = 'pending'
)
from unnest(:account_ids::uuid[], :hosts::text[]) as held (account_id, host)
where (receivers.account_id, receivers.host) = (held.account_id, held.host)
