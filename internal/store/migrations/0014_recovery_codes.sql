-- +goose Up

-- Codes that stand for a person's second factor when they have lost it: each is
-- there until it is used. The hash is keyed.
CREATE TABLE recovery_codes (
    pool       TEXT COLLATE "binary" NOT NULL,
    user_id    TEXT COLLATE "binary" NOT NULL,
    hash       BYTEA  NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (pool, user_id, hash)
) /* WITHOUT ROWID */;

-- +goose Down

DROP TABLE recovery_codes;
