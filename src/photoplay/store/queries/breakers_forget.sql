-- And what was told by workers that are gone.
delete from breakers
where worker_id = :worker_id and engine = :engine or told_at < now() - interval '1 hour'
