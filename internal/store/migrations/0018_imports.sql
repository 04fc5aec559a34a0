-- +goose Up

-- Files of people that were uploaded. One is used by one import, whose id it
-- bears from then on, and goes when that has ended or its time is over.
CREATE TABLE import_sources (
    pool       TEXT COLLATE "binary" NOT NULL,
    id         TEXT COLLATE "binary" NOT NULL,
    columns    TEXT    NOT NULL,
    size       BIGINT  NOT NULL, -- in bytes, of the whole file
    people     BIGINT  NOT NULL, -- how many rows it has
    ready      BOOLEAN NOT NULL, -- all of it has arrived
    import_id  TEXT COLLATE "binary" NOT NULL,
    created_at BIGINT  NOT NULL,
    expires_at BIGINT  NOT NULL,
    PRIMARY KEY (pool, id)
);
CREATE INDEX import_sources_by_end ON import_sources (expires_at);

-- Their bytes, sealed, in pieces of one size but for the last.
CREATE TABLE import_chunks (
    pool      TEXT COLLATE "binary" NOT NULL,
    source_id TEXT COLLATE "binary" NOT NULL,
    number    BIGINT NOT NULL,
    sealed    BYTEA  NOT NULL,
    PRIMARY KEY (pool, source_id, number)
);

-- Imports, under way and over. position is how many bytes of the file have been
-- dealt with. Whoever holds the claim works on it until the lease is over.
CREATE TABLE user_imports (
    pool         TEXT COLLATE "binary" NOT NULL,
    id           TEXT COLLATE "binary" NOT NULL,
    name         TEXT    NOT NULL,
    name_key     TEXT COLLATE "binary" NOT NULL,
    source_id    TEXT COLLATE "binary" NOT NULL, -- empty: a file in somebody's hands
    file         TEXT COLLATE "binary" NOT NULL, -- by what that is known again
    mapping      BYTEA   NOT NULL, -- sealed
    dry          BOOLEAN NOT NULL, -- nobody is stored
    status       TEXT COLLATE "binary" NOT NULL,
    reason       TEXT    NOT NULL,
    position     BIGINT  NOT NULL,
    successful   BIGINT  NOT NULL,
    failed       BIGINT  NOT NULL,
    skipped      BIGINT  NOT NULL,
    claim        TEXT COLLATE "binary" NOT NULL,
    leased_until BIGINT  NOT NULL,
    created_at   BIGINT  NOT NULL,
    updated_at   BIGINT  NOT NULL,
    PRIMARY KEY (pool, id)
);
CREATE INDEX user_imports_by_age ON user_imports (pool, created_at, id);
CREATE INDEX user_imports_pending ON user_imports (created_at) WHERE status = 'pending';

-- What became of single rows: the first ones of each kind.
CREATE TABLE import_details (
    pool       TEXT COLLATE "binary" NOT NULL,
    import_id  TEXT COLLATE "binary" NOT NULL,
    outcome    TEXT COLLATE "binary" NOT NULL,
    number     BIGINT NOT NULL, -- of the row, from 1
    user_id    TEXT COLLATE "binary" NOT NULL,
    reason     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (pool, import_id, outcome, number)
) /* WITHOUT ROWID */;

-- By which import a person came; empty for all others.
ALTER TABLE users ADD COLUMN import_id TEXT NOT NULL DEFAULT '';

-- +goose Down

ALTER TABLE users DROP COLUMN import_id;
DROP TABLE import_details;
DROP TABLE user_imports;
DROP TABLE import_chunks;
DROP TABLE import_sources;
