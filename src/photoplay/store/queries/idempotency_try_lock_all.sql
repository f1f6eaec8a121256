select pg_try_advisory_xact_lock(hashtextextended(subject, 0)) as is_ours
from unnest(:subjects::text[]) with ordinality as wanted (subject, position)
order by position
