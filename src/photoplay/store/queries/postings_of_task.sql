-- In two halves, each of which has an index.
select id, movement_id, reason, book, credits, actor, note, created_at
from postings
where account_id = coalesce(:account_id, account_id) and task_id = :task_id and reason = 'hold'
union all
select id, movement_id, reason, book, credits, actor, note, created_at
from postings
where account_id = coalesce(:account_id, account_id) and task_id = :task_id and reason in ('post', 'release')
order by id
