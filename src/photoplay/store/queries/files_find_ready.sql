select path, account_id, mime_type, size_bytes, original_name, created_at, expires_at
from files
where path = :path and is_ready and expires_at > now()
union all
select f.path, f.account_id, f.mime_type, f.size_bytes, f.original_name, f.created_at, least(f.expires_at, l.expires_at)
from links l join files f on f.path = l.file_path
where l.path = :path and f.is_ready and least(f.expires_at, l.expires_at) > now()
