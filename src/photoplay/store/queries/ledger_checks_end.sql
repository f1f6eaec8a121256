update ledger_checks set finished_at = clock_timestamp(), differences = :differences
