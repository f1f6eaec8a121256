update keys
set previous_prefix = prefix, previous_sha256 = sha256, previous_until = now() + :overlap::interval,
    prefix = :prefix, sha256 = :sha256
where id = :id
