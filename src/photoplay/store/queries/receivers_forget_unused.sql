-- Strangers name hosts; those that nothing is kept of any more must not pile up.
delete from receivers
where next_at is null
  and not exists (
      select from callbacks
      where (callbacks.account_id, callbacks.host) = (receivers.account_id, receivers.host)
  )
returning host
