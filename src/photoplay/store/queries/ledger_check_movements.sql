select 'movement ' || replace(movement_id::text, '-', '') as subject,
       'the sum of its postings' as what, sum(credits)::text || ' in ' || count(*) as found, '0 in 2' as expected
from postings
group by movement_id
having sum(credits) <> 0 or count(*) <> 2
limit 100
