insert into postings (movement_id, reason, account_id, task_id, actor, book, credits)
select :movement_id, :reason, :account_id, :task_id, :actor, book, credits
from unnest(:books::text[], :credits::bigint[]) as posting (book, credits)
