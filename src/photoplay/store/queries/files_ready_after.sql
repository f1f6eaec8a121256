select path from files where path > :after and is_ready and expires_at > now() order by path limit 1000
