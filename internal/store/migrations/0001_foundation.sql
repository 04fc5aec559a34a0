-- The same text makes both databases. Times are microseconds since 1970 UTC,
-- 0 for "not". Text compares by its bytes. Two words differ by engine and are
-- exchanged when the file is read: see migrate.go.

-- +goose Up

CREATE TABLE deployment_keys (
    name       TEXT COLLATE "binary" NOT NULL PRIMARY KEY,
    sealed     BYTEA  NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE pools (
    id         TEXT COLLATE "binary" NOT NULL PRIMARY KEY,
    name       TEXT COLLATE "binary" NOT NULL UNIQUE,
    overrides  TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE pool_hosts (
    host TEXT COLLATE "binary" NOT NULL PRIMARY KEY,
    pool TEXT COLLATE "binary" NOT NULL REFERENCES pools (id)
);
CREATE INDEX pool_hosts_by_pool ON pool_hosts (pool);

-- What a pool's applications were given to know it by, and the key pair that
-- passwords may be encrypted with on their way here.
CREATE TABLE pool_secrets (
    pool       TEXT COLLATE "binary" NOT NULL REFERENCES pools (id),
    name       TEXT COLLATE "binary" NOT NULL,
    hash       BYTEA  NOT NULL,
    sealed     BYTEA  NOT NULL,
    public     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (pool, name)
);

CREATE TABLE applications (
    pool        TEXT COLLATE "binary" NOT NULL REFERENCES pools (id),
    id          TEXT COLLATE "binary" NOT NULL,
    name        TEXT   NOT NULL,
    secret_hash BYTEA  NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (pool, id)
);

CREATE TABLE api_keys (
    pool       TEXT COLLATE "binary" NOT NULL REFERENCES pools (id),
    id         TEXT COLLATE "binary" NOT NULL,
    kind       TEXT COLLATE "binary" NOT NULL,
    name       TEXT   NOT NULL,
    hash       BYTEA  NOT NULL UNIQUE,
    sealed     BYTEA  NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL,
    PRIMARY KEY (pool, id)
);

CREATE TABLE users (
    pool               TEXT COLLATE "binary" NOT NULL REFERENCES pools (id),
    id                 TEXT COLLATE "binary" NOT NULL,
    email              TEXT    NOT NULL,
    email_key          TEXT COLLATE "binary" NOT NULL,
    username           TEXT    NOT NULL,
    username_key       TEXT COLLATE "binary" NOT NULL,
    phone              TEXT COLLATE "binary" NOT NULL,
    profile            TEXT    NOT NULL,
    email_verified     BOOLEAN NOT NULL,
    disabled           BOOLEAN NOT NULL,
    login_count        BIGINT  NOT NULL,
    last_login_at      BIGINT  NOT NULL,
    last_login_address TEXT COLLATE "binary" NOT NULL,
    accepted_terms     TEXT COLLATE "binary" NOT NULL,
    accepted_privacy   TEXT COLLATE "binary" NOT NULL,
    credentials        BIGINT  NOT NULL, -- grows when a proof from before must count no more
    version            BIGINT  NOT NULL,
    created_at         BIGINT  NOT NULL,
    updated_at         BIGINT  NOT NULL,
    PRIMARY KEY (pool, id)
);
CREATE UNIQUE INDEX users_by_email ON users (pool, email_key);
CREATE UNIQUE INDEX users_by_username ON users (pool, username_key);
CREATE INDEX users_by_age ON users (pool, created_at, id);

-- The profile once more, one value a row, to search by.
CREATE TABLE user_profile_values (
    pool      TEXT COLLATE "binary" NOT NULL,
    user_id   TEXT COLLATE "binary" NOT NULL,
    name      TEXT COLLATE "binary" NOT NULL,
    value_key TEXT COLLATE "binary" NOT NULL,
    PRIMARY KEY (pool, user_id, name)
) /* WITHOUT ROWID */;

CREATE TABLE authenticators (
    pool       TEXT COLLATE "binary" NOT NULL,
    id         TEXT COLLATE "binary" NOT NULL,
    user_id    TEXT COLLATE "binary" NOT NULL,
    kind       TEXT COLLATE "binary" NOT NULL,
    secret     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (pool, user_id, kind, id)
) /* WITHOUT ROWID */;
-- A person has one password.
CREATE UNIQUE INDEX authenticators_one_password ON authenticators (pool, user_id) WHERE kind = 'password';

CREATE TABLE flows (
    pool       TEXT COLLATE "binary" NOT NULL,
    id         TEXT COLLATE "binary" NOT NULL,
    facts      TEXT    NOT NULL,
    completed  BOOLEAN NOT NULL,
    version    BIGINT  NOT NULL,
    created_at BIGINT  NOT NULL,
    expires_at BIGINT  NOT NULL,
    PRIMARY KEY (pool, id)
);
CREATE INDEX flows_by_expiry ON flows (expires_at);

CREATE TABLE tickets (
    pool       TEXT COLLATE "binary" NOT NULL,
    purpose    TEXT COLLATE "binary" NOT NULL,
    hash       BYTEA  NOT NULL,
    subject    TEXT COLLATE "binary" NOT NULL,
    data       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL,
    PRIMARY KEY (pool, purpose, hash)
) /* WITHOUT ROWID */;
CREATE INDEX tickets_by_expiry ON tickets (expires_at);
CREATE INDEX tickets_by_subject ON tickets (pool, subject);

CREATE TABLE sessions (
    pool       TEXT COLLATE "binary" NOT NULL,
    id         TEXT COLLATE "binary" NOT NULL,
    user_id    TEXT COLLATE "binary" NOT NULL,
    address    TEXT   NOT NULL,
    user_agent TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at   BIGINT NOT NULL,
    PRIMARY KEY (pool, id)
) /* WITHOUT ROWID */;
CREATE INDEX sessions_by_user ON sessions (pool, user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE refresh_tokens (
    pool       TEXT COLLATE "binary" NOT NULL,
    hash       BYTEA  NOT NULL,
    session_id TEXT COLLATE "binary" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    spent_at   BIGINT NOT NULL,
    PRIMARY KEY (pool, hash)
) /* WITHOUT ROWID */;
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (pool, session_id);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);

CREATE TABLE access_tokens (
    pool       TEXT COLLATE "binary" NOT NULL,
    hash       BYTEA  NOT NULL,
    id         TEXT COLLATE "binary" NOT NULL,
    session_id TEXT COLLATE "binary" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (pool, hash)
) /* WITHOUT ROWID */;
CREATE INDEX access_tokens_by_session ON access_tokens (pool, session_id);
CREATE INDEX access_tokens_by_expiry ON access_tokens (expires_at);

-- How often somebody was wrong in a row, and until when they are refused.
CREATE TABLE attempts (
    pool          TEXT COLLATE "binary" NOT NULL,
    subject       TEXT COLLATE "binary" NOT NULL,
    failures      BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    PRIMARY KEY (pool, subject)
) /* WITHOUT ROWID */;
CREATE INDEX attempts_by_age ON attempts (updated_at);

CREATE TABLE events (
    seq        BIGSERIAL PRIMARY KEY,
    pool       TEXT COLLATE "binary" NOT NULL,
    name       TEXT COLLATE "binary" NOT NULL,
    actor_kind TEXT   NOT NULL,
    actor_id   TEXT   NOT NULL,
    target     TEXT COLLATE "binary" NOT NULL,
    reason     TEXT   NOT NULL,
    data       TEXT   NOT NULL,
    address    TEXT   NOT NULL,
    request_id TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX events_by_pool ON events (pool, seq);

-- What is to leave. A row goes when its message has left or was given up.
CREATE TABLE outbox (
    pool          TEXT COLLATE "binary" NOT NULL,
    id            TEXT COLLATE "binary" NOT NULL,
    sealed        BYTEA  NOT NULL,
    attempts      BIGINT NOT NULL,
    due_at        BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (pool, id)
);
CREATE INDEX outbox_by_due ON outbox (due_at);

-- What other nodes must forget.
CREATE TABLE changes (
    seq        BIGSERIAL PRIMARY KEY,
    pool       TEXT COLLATE "binary" NOT NULL,
    kind       TEXT COLLATE "binary" NOT NULL,
    ref        TEXT COLLATE "binary" NOT NULL,
    created_at BIGINT NOT NULL
);

-- How many there are, so that nobody counts. Spread over shards, so that
-- nobody queues.
CREATE TABLE counters (
    pool  TEXT COLLATE "binary" NOT NULL,
    name  TEXT COLLATE "binary" NOT NULL,
    shard BIGINT NOT NULL,
    n     BIGINT NOT NULL,
    PRIMARY KEY (pool, name, shard)
) /* WITHOUT ROWID */;

-- What a face has to remember for a while and no rule has a name for.
CREATE TABLE notes (
    pool       TEXT COLLATE "binary" NOT NULL,
    face       TEXT COLLATE "binary" NOT NULL,
    name       TEXT COLLATE "binary" NOT NULL,
    data       TEXT   NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (pool, face, name)
);
CREATE INDEX notes_by_expiry ON notes (expires_at);

-- +goose Down

DROP TABLE notes;
DROP TABLE counters;
DROP TABLE changes;
DROP TABLE outbox;
DROP TABLE events;
DROP TABLE attempts;
DROP TABLE access_tokens;
DROP TABLE refresh_tokens;
DROP TABLE sessions;
DROP TABLE tickets;
DROP TABLE flows;
DROP TABLE authenticators;
DROP TABLE user_profile_values;
DROP TABLE users;
DROP TABLE api_keys;
DROP TABLE applications;
DROP TABLE pool_secrets;
DROP TABLE pool_hosts;
DROP TABLE pools;
DROP TABLE deployment_keys;
