-- Both sides of some movements, in one statement: each account's row once, what keys have spent, and the postings.
-- Returns the balances. A key's hour or day that is over starts at nothing; a transaction that began earlier may come
-- later, so time never goes back.
with changed as (
    update accounts
    set balance_credits = balance_credits + available, held_credits = held_credits + held,
        unfinished_tasks = unfinished_tasks + unfinished,
        active_since = case when unfinished_tasks = 0 then clock_timestamp() else active_since end
    from unnest(:changed_ids::uuid[], :available::bigint[], :held::bigint[], :unfinished::integer[])
        as change (account_id, available, held, unfinished)
    where id = account_id
    returning id, balance_credits
), spent as (
    update keys
    set hour_credits = spent_credits + case
            when date_trunc('hour', spent_at, 'UTC') = date_trunc('hour', greatest(spent_at, now()), 'UTC')
            then hour_credits else 0
        end,
        day_credits = spent_credits + case
            when date_trunc('day', spent_at, 'UTC') = date_trunc('day', greatest(spent_at, now()), 'UTC')
            then day_credits else 0
        end,
        total_credits = total_credits + spent_credits,
        spent_at = greatest(spent_at, now())
    from unnest(:spender_ids::uuid[], :spent::bigint[]) as spending (key_id, spent_credits)
    where id = key_id
), written as (
    insert into postings (movement_id, reason, account_id, task_id, key_id, model, actor, note, book, credits)
    select *
    from unnest(
        :movement_ids::uuid[], :reasons::text[], :account_ids::uuid[], :task_ids::uuid[], :key_ids::uuid[],
        :models::text[], :actors::text[], :notes::text[], :books::text[], :credits::bigint[]
    )
)
select id, balance_credits from changed
