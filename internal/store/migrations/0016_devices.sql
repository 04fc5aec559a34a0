-- +goose Up

-- Browsers that a person asked to be remembered, from where no second factor
-- is asked for. credentials is the person's number of that name at the time:
-- with another one the row counts no more.
CREATE TABLE devices (
    pool        TEXT COLLATE "binary" NOT NULL,
    user_id     TEXT COLLATE "binary" NOT NULL,
    hash        BYTEA  NOT NULL,
    address     TEXT   NOT NULL,
    credentials BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    PRIMARY KEY (pool, user_id, hash)
) /* WITHOUT ROWID */;
CREATE INDEX devices_by_end ON devices (expires_at);

-- +goose Down

DROP TABLE devices;
