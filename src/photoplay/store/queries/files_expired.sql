select path from files where expires_at < now() order by expires_at limit 100
