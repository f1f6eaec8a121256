update tasks
set state = :state, generating_at = clock_timestamp(), updated_at = clock_timestamp()
where id = :id and claim = :claim and state = 'claimed'
returning *
