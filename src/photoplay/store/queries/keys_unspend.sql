-- Gives back the room that a released task took, where its hour and its day still go on.
update keys
set hour_credits = greatest(0, hour_credits - case
        when date_trunc('hour', spent_at, 'UTC') = date_trunc('hour', :held_at::timestamptz, 'UTC') then :credits else 0
    end),
    day_credits = greatest(0, day_credits - case
        when date_trunc('day', spent_at, 'UTC') = date_trunc('day', :held_at::timestamptz, 'UTC') then :credits else 0
    end),
    total_credits = total_credits - :credits
where id = :id
