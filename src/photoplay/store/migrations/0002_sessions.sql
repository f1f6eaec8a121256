-- Browsers that signed in. A session stands for the text of a key: it is good while that text is, and no longer.

create table sessions (
    sha256 bytea primary key check (octet_length(sha256) = 32),
    key_sha256 bytea not null check (octet_length(key_sha256) = 32),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);

create index sessions_by_expiry on sessions (expires_at);

-- Links that sign in once.
create table sign_in_links (
    sha256 bytea primary key check (octet_length(sha256) = 32),
    key_sha256 bytea not null check (octet_length(key_sha256) = 32),
    expires_at timestamptz not null
);

create index sign_in_links_by_expiry on sign_in_links (expires_at);
