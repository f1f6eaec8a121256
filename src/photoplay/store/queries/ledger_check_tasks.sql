-- A task whose record is gone has ended: its entries stay.
with said as (
    select task_id,
           count(*) filter (where book = 'held' and reason = 'hold') as holds,
           count(*) filter (where book = 'held' and reason <> 'hold') as resolutions,
           coalesce(sum(credits) filter (where book = 'held' and reason = 'hold'), 0) as held,
           coalesce(sum(-credits) filter (where book = 'held' and reason <> 'hold'), 0) as resolved,
           coalesce(sum(credits) filter (where book = 'revenue'), 0) as charged,
           min(account_id::text) as payer
    from postings
    where task_id is not null
    group by task_id
),
compared_with as (
    select coalesce(id, task_id) as id, state in ('waiting', 'claimed', 'generating') as is_unfinished,
           price_credits, charged_credits, account_id::text as owner,
           coalesce(holds, 0) as holds, coalesce(resolutions, 0) as resolutions,
           coalesce(held, 0) as held, coalesce(resolved, 0) as resolved, coalesce(charged, 0) as charged, payer
    from tasks full join said on task_id = id
)
select 'task ' || replace(id::text, '-', '') as subject, what, found, expected
from compared_with
cross join lateral (
    values ('the number of its holds', holds::text, '1'),
           ('the number of its posts and releases', resolutions::text, case when is_unfinished then '0' else '1' end),
           ('what it holds', held::text, coalesce(price_credits, held)::text),
           ('what was resolved', resolved::text, case when is_unfinished then 0 else held end::text),
           ('what it was charged', coalesce(charged_credits, charged)::text, charged::text),
           ('who pays for it', payer, coalesce(owner, payer))
) as compared (what, found, expected)
where found is distinct from expected
limit 100
