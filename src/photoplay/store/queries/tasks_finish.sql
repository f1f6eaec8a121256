update tasks
set state = :state, claim = null, lease_until = null,
    progress = case when :state = 'succeeded' then 100 else progress end,
    charged_credits = :charged_credits, balance_credits = :balance_credits,
    submission = case when :state <> 'succeeded' then submission end,
    results = :results, artifacts = :artifacts, facts = :facts, seed = coalesce(:seed, seed),
    fail_code = :fail_code, fail_message = :fail_message,
    finished_at = moment, updated_at = moment
from (select clock_timestamp() as moment) as clock
where id = :id
returning tasks.*
