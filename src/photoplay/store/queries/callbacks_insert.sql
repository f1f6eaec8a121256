-- The same event of a task is promised once, however often it happens.
insert into callbacks (id, task_id, account_id, event, url, host, body, times, scheduled_at, next_at)
select :id, :task_id, :account_id, :event, :url, :host, :body, :times, moment, moment
from (select clock_timestamp() + :delay::interval as moment) as clock
on conflict do nothing
