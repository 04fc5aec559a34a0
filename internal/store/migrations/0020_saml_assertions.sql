-- +goose Up

-- What SAML providers said and was taken, by the keyed hash of the assertion's
-- id, until it would not be taken any more: each is taken once.
CREATE TABLE saml_assertions (
    pool       TEXT COLLATE "binary" NOT NULL,
    provider   TEXT COLLATE "binary" NOT NULL,
    hash       BYTEA  NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (pool, provider, hash)
) /* WITHOUT ROWID */;
CREATE INDEX saml_assertions_by_end ON saml_assertions (expires_at);

-- +goose Down

DROP TABLE saml_assertions;
