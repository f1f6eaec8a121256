-- The account's unfinished tasks that changed since, and those that ended since, as they are now.
select * from tasks where account_id = :account_id and finished_at is null and updated_at > :since
union all
select * from tasks where account_id = :account_id and finished_at > :ended_since
order by updated_at
limit :limit
