-- Accounts, keys, tasks, the ledger, callbacks and files.
-- CHECK constraints repeat what the domain promises; nothing relies on them to say no politely.

create table accounts (
    id uuid primary key,
    name text not null unique,
    balance_credits bigint not null default 0 check (balance_credits >= 0),
    held_credits bigint not null default 0 check (held_credits >= 0),
    callback_secret text not null,
    created_at timestamptz not null default now()
);

create table keys (
    id uuid primary key,
    account_id uuid not null references accounts,
    prefix text not null,
    sha256 bytea not null unique check (octet_length(sha256) = 32),
    created_at timestamptz not null default now(),
    revoked_at timestamptz
);

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
    request text not null,
    input jsonb not null,
    callback_url text,
    state text not null default 'waiting' check (
        state in ('waiting', 'claimed', 'generating', 'succeeded', 'failed', 'cancelled', 'expired')
    ),
    attempt integer not null default 0,
    attempts_max integer not null check (attempts_max >= 1),
    claim uuid,
    lease_until timestamptz,
    cancel_asked boolean not null default false,
    progress smallint not null default 0 check (progress between 0 and 100),
    price_credits bigint not null check (price_credits >= 0),
    charged_credits bigint not null default 0,
    balance_credits bigint not null,
    seed bigint not null,
    engine text,
    results text[] not null default '{}',
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

create index tasks_by_account on tasks (account_id, created_at);
create index tasks_unfinished_by_account on tasks (account_id) where finished_at is null;
create index tasks_waiting on tasks (created_at) where state = 'waiting';
create index tasks_leased on tasks (lease_until) where lease_until is not null;

create table idempotency (
    account_id uuid not null references accounts,
    key text not null check (length(key) between 1 and 255),
    request_sha256 bytea not null,
    task_id uuid not null references tasks,
    created_at timestamptz not null default now(),
    primary key (account_id, key)
);

-- Double entry, append-only: each movement is two rows that sum to zero.
create table postings (
    id bigint generated always as identity primary key,
    movement_id uuid not null,
    reason text not null check (reason in ('grant', 'hold', 'post', 'release')),
    book text not null check (book in ('available', 'held', 'revenue', 'issued')),
    account_id uuid not null references accounts,
    task_id uuid references tasks,
    credits bigint not null,
    actor text not null,
    created_at timestamptz not null default now()
);

create index postings_by_account on postings (account_id, id);
create unique index one_hold_a_task on postings (task_id, book) where reason = 'hold';
create unique index one_resolution_a_task on postings (task_id, book) where reason in ('post', 'release') and book = 'held';

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only: a mistake is corrected by another entry', tg_table_name;
end
$$;

create trigger postings_are_append_only before update or delete on postings
for each row execute function refuse_change();
create trigger postings_are_not_truncated before truncate on postings
for each statement execute function refuse_change();

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

create table callbacks (
    id text primary key,
    task_id uuid not null unique references tasks,
    account_id uuid not null references accounts,
    url text not null,
    body bytea not null,
    state text not null default 'pending' check (state in ('pending', 'delivered', 'gone', 'exhausted')),
    attempt integer not null default 0,
    next_at timestamptz not null default now(),
    lease_until timestamptz,
    created_at timestamptz not null default now()
);

create index callbacks_pending on callbacks (next_at) where state = 'pending';

create table deliveries (
    callback_id text not null references callbacks,
    attempt integer not null,
    started_at timestamptz not null,
    duration_ms integer not null,
    status integer,
    error text,
    answer_head bytea not null,
    primary key (callback_id, attempt)
);

-- A row comes before its file and goes after it, so no file is ever without a row.
-- An unfinished file has a short expiry; what finishes it sets the real one.
create table files (
    path text primary key,
    account_id uuid not null references accounts,
    task_id uuid references tasks,
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
