select differences, extract(epoch from clock_timestamp() - finished_at)::float8 as age_s
from ledger_checks
where finished_at is not null
