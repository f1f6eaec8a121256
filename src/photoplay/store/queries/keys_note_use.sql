-- Nobody waits for this: a key that is locked, by a create of its own, is noted another time.
update keys set last_used_at = now()
where id = (select id from keys where id = :id for update skip locked)
