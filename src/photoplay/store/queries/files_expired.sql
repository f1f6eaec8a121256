-- In any order: those that cannot be removed must not keep the others.
select path from files where expires_at < now() order by random() limit 100
