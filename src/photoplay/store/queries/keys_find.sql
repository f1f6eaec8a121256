select wanted.sha256 as wanted, keys.id, account_id, kind, models, networks, is_admin,
       coalesce(last_used_at < now() - interval '1 minute', true) as is_new_use
from unnest(:sha256s::bytea[]) as wanted (sha256)
join keys on keys.sha256 = wanted.sha256 or previous_sha256 = wanted.sha256 and previous_until > now()
join accounts on accounts.id = account_id
where revoked_at is null and (expires_at is null or expires_at > now())
