update callbacks
set attempt = attempt + 1, lease_until = clock_timestamp() + :lease::interval
from accounts
where callbacks.id = :id and accounts.id = callbacks.account_id
  and state = 'pending' and next_at <= clock_timestamp()
  and (lease_until is null or lease_until < clock_timestamp())
returning callbacks.id, task_id, url, body, attempt, callback_secret
