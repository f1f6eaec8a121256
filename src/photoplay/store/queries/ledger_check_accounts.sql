with said as (
    select account_id,
           sum(credits) filter (where book = 'available') as balance,
           sum(credits) filter (where book = 'held') as held,
           count(*) filter (where book = 'held' and reason = 'hold')
               - count(*) filter (where book = 'held' and reason <> 'hold') as unfinished
    from postings
    group by account_id
)
select 'account ' || name || ' (' || kind || ')' as subject, what, found::text, expected::text
from accounts left join said on account_id = id
cross join lateral (
    values ('the balance', balance_credits, coalesce(balance, 0)),
           ('what is held', held_credits, coalesce(held, 0)),
           ('the number of unfinished tasks', unfinished_tasks, coalesce(unfinished, 0))
) as compared (what, found, expected)
where found <> expected
limit 100
