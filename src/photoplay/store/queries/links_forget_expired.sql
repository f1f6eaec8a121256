delete from links where expires_at < now()
