-- A moving average: the mean of the first ten runs, and after that each new run counts a tenth.
-- Who meets another who is counting leaves its run out, so that ends of tasks never wait for each other here.
with known as (
    select engine, model, size
    from run_times
    where engine = :engine and model = :model and size = :size
    for update skip locked
), counted as (
    update run_times
    set runs = runs + 1, seconds = seconds + (:seconds::double precision - seconds) / least(runs + 1, 10)
    from known
    where (run_times.engine, run_times.model, run_times.size) = (known.engine, known.model, known.size)
)
insert into run_times (engine, model, size, runs, seconds)
select :engine, :model, :size, 1, :seconds
where not exists (select from run_times where engine = :engine and model = :model and size = :size)
on conflict do nothing
