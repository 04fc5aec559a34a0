-- The keys with which a pool signs tokens. A row without retires_at is the
-- newest: there is one at most. sealed is the private half, and is emptied
-- when the key signs no more. Lives are in microseconds.

-- +goose Up

CREATE TABLE signing_keys (
    pool         TEXT COLLATE "binary" NOT NULL REFERENCES pools (id),
    id           TEXT COLLATE "binary" NOT NULL,
    public       BYTEA  NOT NULL,
    sealed       BYTEA,
    created_at   BIGINT NOT NULL,
    active_from  BIGINT NOT NULL,
    retires_at   BIGINT NOT NULL,
    token_life   BIGINT NOT NULL,
    refresh_life BIGINT NOT NULL,
    PRIMARY KEY (pool, id)
);
CREATE UNIQUE INDEX signing_keys_newest ON signing_keys (pool) WHERE retires_at = 0;
CREATE INDEX signing_keys_by_end ON signing_keys (retires_at);

-- +goose Down

DROP TABLE signing_keys;
