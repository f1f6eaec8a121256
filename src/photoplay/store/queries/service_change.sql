-- Said again, it stays as it was.
update service set mode = :mode, changed_by = :actor, changed_at = clock_timestamp() where mode <> :mode
