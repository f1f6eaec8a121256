-- What the operator lets the whole service do, whatever processes it has. One row.

create table service (
    is_only boolean primary key default true check (is_only),
    mode text not null default 'running' check (mode in ('running', 'paused', 'draining')),
    changed_by text,
    changed_at timestamptz not null default now()
);

insert into service default values;
