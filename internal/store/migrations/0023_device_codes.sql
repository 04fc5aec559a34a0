-- +goose Up

-- What devices wait with that have no browser, until somebody has signed in for
-- them elsewhere: by the keyed hash of what the device keeps, and by that of
-- what people type in. `flow` is the one that may answer, empty before somebody
-- began; `data` is the answer, empty before and for a refusal.
CREATE TABLE device_codes (
    pool        TEXT COLLATE "binary" NOT NULL,
    hash        BYTEA   NOT NULL,
    user_hash   BYTEA   NOT NULL,
    application TEXT COLLATE "binary" NOT NULL,
    scopes      TEXT    NOT NULL,
    flow        TEXT COLLATE "binary" NOT NULL,
    refused     BOOLEAN NOT NULL,
    data        TEXT    NOT NULL,
    poll_every  BIGINT  NOT NULL,
    polled_at   BIGINT  NOT NULL,
    created_at  BIGINT  NOT NULL,
    expires_at  BIGINT  NOT NULL,
    answered_at BIGINT  NOT NULL,
    taken_at    BIGINT  NOT NULL,
    PRIMARY KEY (pool, hash)
) /* WITHOUT ROWID */;
CREATE UNIQUE INDEX device_codes_by_user_code ON device_codes (pool, user_hash);
CREATE INDEX device_codes_by_end ON device_codes (expires_at);

-- +goose Down

DROP TABLE device_codes;
