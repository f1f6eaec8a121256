-- Accounts, keys, tasks, the ledger, callbacks and files.
-- CHECK constraints repeat what the domain promises; nothing relies on them to say no politely.

create table accounts (
    id uuid primary key,
    name text not null,
    kind text not null check (kind in ('live', 'test')),
    balance_credits bigint not null default 0 check (balance_credits >= 0),
    held_credits bigint not null default 0 check (held_credits >= 0),
    unfinished_tasks integer not null default 0 check (unfinished_tasks >= 0),
    active_since timestamptz not null default now(),
    callback_secret text not null,
    -- Two are valid while one is rotated: the earlier one signs too, until then.
    earlier_secret text,
    earlier_secret_until timestamptz,
    created_at timestamptz not null default now(),
    unique (name, kind)
);

-- The order in which accounts are served: see tasks_next.sql.
create index accounts_active on accounts (unfinished_tasks, active_since) where unfinished_tasks > 0;

create table keys (
    id uuid primary key,
    account_id uuid not null references accounts,
    name text not null default '',
    prefix text not null,
    sha256 bytea not null unique check (octet_length(sha256) = 32),
    -- The text before the last rotation, which may go on for a while.
    previous_prefix text,
    previous_sha256 bytea unique check (octet_length(previous_sha256) = 32),
    previous_until timestamptz,
    is_admin boolean not null default false,
    models text[] check (cardinality(models) > 0),
    networks cidr[] check (cardinality(networks) > 0),
    expires_at timestamptz,
    hour_credits_max bigint check (hour_credits_max >= 0),
    day_credits_max bigint check (day_credits_max >= 0),
    total_credits_max bigint check (total_credits_max >= 0),
    -- What the key's tasks hold or have cost: in the UTC hour and day of its last create, and ever.
    hour_credits bigint not null default 0 check (hour_credits >= 0),
    day_credits bigint not null default 0 check (day_credits >= 0),
    total_credits bigint not null default 0 check (total_credits >= 0),
    spent_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    last_used_at timestamptz,
    revoked_at timestamptz,
    constraint previous_is_whole check (num_nulls(previous_prefix, previous_sha256, previous_until) in (0, 3))
);

create index keys_by_account on keys (account_id, created_at);

-- The last few query times of each key, newest first: an exact sliding window in one row.
-- Unlogged: after a crash of the database everybody starts with an empty window.
create unlogged table query_windows (
    key_id uuid primary key,
    recent timestamptz[] not null
);

create table tasks (
    id uuid primary key,
    account_id uuid not null references accounts,
    key_id uuid not null references keys,
    model text not null,
    engine text not null,
    priority smallint not null check (priority in (0, 1)),
    reference text check (length(reference) between 1 and 255),
    request text not null,
    input jsonb not null,
    size text not null,
    callback_url text,
    callback_events text[] not null default '{success,fail}',
    state text not null default 'waiting' check (
        state in ('waiting', 'claimed', 'generating', 'succeeded', 'failed', 'cancelled', 'expired')
    ),
    attempt integer not null default 0,
    attempts_max integer not null check (attempts_max >= 1),
    claim uuid,
    lease_until timestamptz,
    not_before timestamptz not null default now(),
    cancel_asked boolean not null default false,
    progress smallint not null default 0 check (progress between 0 and 100),
    -- What the worker says it is at; null while the state says it all.
    stage text,
    price_credits bigint not null check (price_credits >= 0),
    charged_credits bigint not null default 0,
    balance_credits bigint not null,
    seed bigint not null,
    results text[] not null default '{}',
    artifacts jsonb not null default '{}',
    facts jsonb not null default '{}',
    -- How the task of a test key ends; empty for a live key's.
    script jsonb not null default '{}',
    -- What another server was asked to do, and may still be at: {engine, job_id, handle}.
    submission jsonb,
    fail_code text,
    fail_message text,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    generating_at timestamptz,
    finished_at timestamptz,
    constraint attempts_are_bounded check (attempt between 0 and attempts_max),
    constraint finished_exactly_when_terminal check (
        (finished_at is not null) = (state in ('succeeded', 'failed', 'cancelled', 'expired'))
    ),
    constraint claimed_exactly_when_running check (
        (claim is not null) = (state in ('claimed', 'generating'))
        and (lease_until is not null) = (claim is not null)
    ),
    constraint charged_only_for_success check (
        charged_credits = case when state = 'succeeded' then price_credits else 0 end
    ),
    constraint results_exactly_when_succeeded check ((cardinality(results) > 0) = (state = 'succeeded')),
    constraint cause_exactly_when_unsuccessful check (
        (fail_code is not null and fail_message is not null) = (state in ('failed', 'cancelled', 'expired'))
    )
);

create index tasks_by_account on tasks (account_id, created_at, id);
create index tasks_by_state on tasks (account_id, state, created_at, id);
create index tasks_by_model on tasks (account_id, model, created_at, id);
create index tasks_by_key on tasks (key_id, created_at, id);
create index tasks_by_reference on tasks (account_id, reference, created_at) where reference is not null;
create index tasks_by_end on tasks (account_id, finished_at);
create index tasks_waiting on tasks (account_id, engine, priority, created_at) where state = 'waiting';
create index tasks_waiting_by_age on tasks (created_at) where state = 'waiting';
create index tasks_leased on tasks (lease_until) where lease_until is not null;
create index tasks_under_way on tasks ((submission ->> 'engine')) where state = 'waiting' and submission is not null;
create index tasks_left_over on tasks ((submission ->> 'engine')) where finished_at is not null and submission is not null;
create index tasks_finished on tasks (finished_at) where finished_at is not null;

-- What runs that succeeded took: a moving average for each engine, model and size.
create table run_times (
    engine text not null,
    model text not null,
    size text not null,
    runs bigint not null check (runs >= 1),
    seconds double precision not null check (seconds >= 0),
    primary key (engine, model, size)
);

-- Engines that a worker leaves alone, as it told last: for operators. Each worker judges for itself, in memory.
create unlogged table breakers (
    worker_id uuid not null,
    engine text not null,
    state text not null check (state in ('open', 'half_open')),
    failed_tasks integer not null,
    error text not null,
    retry_at timestamptz not null,
    told_at timestamptz not null default now(),
    primary key (worker_id, engine)
);

create table idempotency (
    account_id uuid not null references accounts,
    key text not null check (length(key) between 1 and 255),
    request_sha256 bytea not null,
    task_id uuid not null,
    created_at timestamptz not null default now(),
    primary key (account_id, key)
);

create index idempotency_by_age on idempotency (created_at);

-- Double entry, append-only: each movement is two rows that sum to zero.
create table postings (
    id bigint generated always as identity primary key,
    movement_id uuid not null,
    reason text not null check (reason in ('grant', 'correct', 'hold', 'post', 'release')),
    book text not null check (book in ('available', 'held', 'revenue', 'issued')),
    account_id uuid not null references accounts,
    -- Set for what a task moved. Not a reference: the ledger outlives the tasks.
    task_id uuid,
    key_id uuid,
    model text,
    credits bigint not null,
    actor text not null,
    note text not null default '',
    created_at timestamptz not null default now(),
    constraint names_its_task check (
        (task_id is not null and key_id is not null and model is not null) = (reason in ('hold', 'post', 'release'))
    )
);

create index postings_by_account on postings (account_id, created_at);
create unique index one_hold_a_task on postings (task_id, book) where reason = 'hold';
-- A post and a release both take from what is held, so a task has one of them.
create unique index one_resolution_a_task on postings (task_id, book) where reason in ('post', 'release');
-- What is repeated with the same Idempotency-Key has the same movement.
create unique index one_grant_a_movement on postings (movement_id, book) where reason in ('grant', 'correct');

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only: a mistake is corrected by another entry', tg_table_name;
end
$$;

create trigger postings_are_append_only before update or delete on postings
for each row execute function refuse_change();
create trigger postings_are_not_truncated before truncate on postings
for each statement execute function refuse_change();

-- An owner may give up its own rights; a superuser keeps them, and meets the triggers.
revoke update, delete, truncate on postings from current_user;

create function require_zero_sum() returns trigger language plpgsql as $$
begin
    if exists (select from added group by movement_id having sum(credits) <> 0 or count(*) <> 2) then
        raise exception 'a movement is two postings that sum to zero';
    end if;
    return null;
end
$$;

create trigger movements_sum_to_zero after insert on postings referencing new table as added
for each statement execute function require_zero_sum();

-- When the ledger was last compared with all it must agree with, and what came of it. One row.
create table ledger_checks (
    is_last boolean primary key default true check (is_last),
    began_at timestamptz not null,
    finished_at timestamptz,
    differences integer,
    constraint finished_with_a_result check ((finished_at is null) = (differences is null))
);

-- Where the callbacks of an account go, one row a host and port: what the worker decides by.
-- Whoever makes a callback due holds its receiver's row.
create table receivers (
    account_id uuid not null references accounts,
    host text not null,
    -- When the first of its pending callbacks is due; null while there is none.
    next_at timestamptz,
    -- Deliveries in a row that brought no answer at all.
    failures integer not null default 0 check (failures >= 0),
    paused_until timestamptz,
    primary key (account_id, host)
);

create index receivers_due on receivers (greatest(next_at, paused_until)) where next_at is not null;

create table callbacks (
    id text primary key,
    task_id uuid not null references tasks on delete cascade,
    account_id uuid not null references accounts,
    event text not null check (event in ('generating', 'success', 'fail')),
    url text not null,
    host text not null,
    body bytea not null,
    state text not null default 'pending' check (state in ('pending', 'delivered', 'gone', 'exhausted')),
    attempt integer not null default 0,
    -- How often the receiver still has to take it: more than once for some tasks of test keys.
    times integer not null default 1 check (times between 1 and 5),
    -- The schedule begins after this attempt: 0 until the callback is sent again by hand.
    schedule_after integer not null default 0 check (schedule_after between 0 and attempt),
    scheduled_at timestamptz not null,
    -- When it is due; while a delivery is under way, when that is given up for lost.
    next_at timestamptz not null,
    lease_until timestamptz,
    created_at timestamptz not null default clock_timestamp(),
    concluded_at timestamptz,
    unique (task_id, event),
    constraint concluded_exactly_when_not_pending check ((concluded_at is null) = (state = 'pending')),
    constraint leased_only_while_pending check (lease_until is null or state = 'pending')
);

create index callbacks_due on callbacks (account_id, host, next_at) where state = 'pending';
create index callbacks_under_way on callbacks (lease_until) where lease_until is not null;
create index callbacks_by_receiver on callbacks (account_id, host);
create index callbacks_by_account on callbacks (account_id, created_at);

-- One row an attempt, made when it begins: an attempt whose worker died is in the log too, without a duration.
create table deliveries (
    callback_id text not null references callbacks on delete cascade,
    attempt integer not null,
    started_at timestamptz not null,
    duration_ms integer,
    status integer,
    error text,
    answer_head bytea not null default '',
    answer_bytes integer not null default 0,
    next_at timestamptz,
    primary key (callback_id, attempt)
);

-- A row comes before its file and goes after it, so no file is ever without a row.
-- An unfinished file has a short expiry; what finishes it sets the real one.
create table files (
    path text primary key,
    account_id uuid not null references accounts,
    task_id uuid references tasks on delete set null,
    mime_type text not null,
    size_bytes bigint,
    is_ready boolean not null default false,
    original_name text,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    constraint size_is_known_when_ready check (not is_ready or size_bytes is not null)
);

create index files_by_expiry on files (expires_at);
create index files_by_task on files (task_id) where task_id is not null;

-- Who waits for a task or for any task of an account is woken when the change commits: `store/signals.py`.
-- One notification speaks for both. An acceptance is not told: nobody can wait for an id that was not answered yet.
create function tell_change_of_task() returns trigger language plpgsql as $$
begin
    perform pg_notify('photoplay_changes', replace(new.id::text, '-', '') || ' ' || replace(new.account_id::text, '-', ''));
    return null;
end
$$;

create trigger tasks_tell_changes after update of state, progress, stage, cancel_asked on tasks
for each row when (
    (old.state, old.progress, old.stage, old.cancel_asked)
    is distinct from (new.state, new.progress, new.stage, new.cancel_asked)
) execute function tell_change_of_task();

-- Further links to a file, for a short time. They do not tell its lasting one.
create table links (
    path text primary key,
    file_path text not null references files on delete cascade,
    expires_at timestamptz not null
);

create index links_by_file on links (file_path);
create index links_by_expiry on links (expires_at);
