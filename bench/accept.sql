-- What the bare database does for one task: the rows of an accept, one transaction each. For pgbench.
\set account random(1, :accounts)
begin;
select accounts.id as account_id, keys.id as key_id from accounts join keys on keys.account_id = accounts.id where accounts.name = 'bench' || :account::text order by accounts.id, keys.id for update \gset
select gen_random_uuid() as task_id, gen_random_uuid() as movement_id \gset
insert into tasks (id, account_id, key_id, model, engine, priority, request, input, size, attempts_max, price_credits, balance_credits, seed) values (:task_id::uuid, :account_id::uuid, :key_id::uuid, 'bytedance/v1-pro-fast-image-to-video', 'camera', 0, '{"model":"bytedance/v1-pro-fast-image-to-video","input":{"prompt":"slow push in","image_url":"https://example.com/photo.jpg"}}', '{"prompt":"slow push in","image_url":"https://example.com/photo.jpg","resolution":"720p","duration":"5"}', '720p 5 s', 3, 16, 0, 1);
update accounts set balance_credits = balance_credits - 16, held_credits = held_credits + 16, unfinished_tasks = unfinished_tasks + 1 where id = :account_id::uuid;
update keys set hour_credits = hour_credits + 16, day_credits = day_credits + 16, total_credits = total_credits + 16, spent_at = greatest(spent_at, now()) where id = :key_id::uuid;
insert into postings (movement_id, reason, account_id, task_id, key_id, model, actor, book, credits) values (:movement_id::uuid, 'hold', :account_id::uuid, :task_id::uuid, :key_id::uuid, 'bytedance/v1-pro-fast-image-to-video', 'task', 'available', -16), (:movement_id::uuid, 'hold', :account_id::uuid, :task_id::uuid, :key_id::uuid, 'bytedance/v1-pro-fast-image-to-video', 'task', 'held', 16);
with job as (insert into pgqueuer (priority, entrypoint, payload, execute_after, dedupe_key, status) values (0, 'generate-camera', '\x00', now(), :task_id || ':0', 'queued') returning id) insert into pgqueuer_log (job_id, status, entrypoint, priority) select id, 'queued', 'generate-camera', 0 from job;
commit;
