insert into ledger_checks (began_at) values (now())
on conflict (is_last) do update set began_at = now()
where ledger_checks.began_at <= now() - :every::interval
returning began_at
