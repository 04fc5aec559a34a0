-- Invitations that are pending or past their time. A row goes when its person
-- comes to be, when it is deleted, or some time after it has passed. hash is
-- that of the secret in the mail.

-- +goose Up

CREATE TABLE invitations (
    pool        TEXT COLLATE "binary" NOT NULL REFERENCES pools (id),
    id          TEXT COLLATE "binary" NOT NULL,
    hash        BYTEA  NOT NULL,
    email       TEXT   NOT NULL,
    email_key   TEXT COLLATE "binary" NOT NULL,
    inviter     TEXT   NOT NULL,
    inviter_key TEXT COLLATE "binary" NOT NULL,
    callback    TEXT COLLATE "binary" NOT NULL,
    state       TEXT COLLATE "binary" NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    PRIMARY KEY (pool, id)
);
CREATE UNIQUE INDEX invitations_by_hash ON invitations (pool, hash);
CREATE INDEX invitations_by_email ON invitations (pool, email_key);
CREATE INDEX invitations_by_age ON invitations (pool, created_at, id);
CREATE INDEX invitations_by_pool_expiry ON invitations (pool, expires_at);
CREATE INDEX invitations_by_expiry ON invitations (expires_at);

-- +goose Down

DROP TABLE invitations;
