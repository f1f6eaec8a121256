-- Until the transaction ends, no other worker counts what is under way at the engine's server and claims by that.
select pg_try_advisory_xact_lock(hashtextextended('claims of ' || :engine::text, 0))
