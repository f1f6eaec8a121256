-- Takes the receiver's row, which whoever makes a callback due holds.
insert into receivers (account_id, host, next_at)
values (:account_id, :host, clock_timestamp() + :delay::interval)
on conflict (account_id, host) do update set next_at = least(receivers.next_at, excluded.next_at)
