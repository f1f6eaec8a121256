-- What has not ended waits or has a lease: each by an index of its own, however many have ended.
select state, count(*) as tasks from (
    select state from tasks where state = 'waiting'
    union all
    select state from tasks where lease_until is not null
) as unfinished
group by state
