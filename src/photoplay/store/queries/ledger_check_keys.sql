with said as (
    select key_id, sum(credits) as spent
    from postings
    where book = 'held' and reason in ('hold', 'release')
    group by key_id
)
select 'key ' || prefix || ' (' || replace(keys.id::text, '-', '') || ')' as subject,
       'what it has spent' as what, total_credits::text as found, coalesce(spent, 0)::text as expected
from keys left join said on key_id = id
where total_credits <> coalesce(spent, 0)
limit 100
