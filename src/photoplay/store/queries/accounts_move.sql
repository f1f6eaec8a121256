update accounts
set balance_credits = balance_credits + :available, held_credits = held_credits + :held
where id = :id
returning balance_credits
