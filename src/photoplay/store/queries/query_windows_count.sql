-- Counts this query unless the one `queries_max` before it is younger than a second.
insert into query_windows as w (key_id, recent)
values (:key_id, array[clock_timestamp()])
on conflict (key_id) do update
set recent = (array_prepend(clock_timestamp(), w.recent))[1:(:queries_max)::int]
where coalesce(w.recent[(:queries_max)::int] < clock_timestamp() - interval '1 second', true)
returning key_id
