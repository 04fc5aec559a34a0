-- +goose Up

-- What an application is to OAuth 2.0, as JSON; empty for what is no client.
ALTER TABLE applications ADD COLUMN client TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE applications ADD COLUMN version BIGINT NOT NULL DEFAULT 1;

-- The secrets by which applications prove who they are: several of each, so
-- that one takes over from another. The one that an application was made with
-- is among them; applications.secret_hash is for the release before.
CREATE TABLE application_secrets (
    pool        TEXT COLLATE "binary" NOT NULL,
    id          TEXT COLLATE "binary" NOT NULL,
    application TEXT COLLATE "binary" NOT NULL,
    hash        BYTEA  NOT NULL,
    name        TEXT   NOT NULL,
    description TEXT   NOT NULL,
    metadata    TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    revoked_at  BIGINT NOT NULL,
    PRIMARY KEY (pool, id)
) /* WITHOUT ROWID */;
CREATE UNIQUE INDEX application_secrets_by_hash ON application_secrets (pool, hash);
INSERT INTO application_secrets (pool, id, application, hash, name, description, metadata, created_at, expires_at, revoked_at)
    SELECT pool, 'sec_' || SUBSTR(id, 5), id, secret_hash, 'default', '', '{}', created_at, 0, 0 FROM applications WHERE LENGTH(secret_hash) > 0;

-- What people let applications have, one row for each scope.
CREATE TABLE consents (
    pool        TEXT COLLATE "binary" NOT NULL,
    user_id     TEXT COLLATE "binary" NOT NULL,
    application TEXT COLLATE "binary" NOT NULL,
    scope       TEXT COLLATE "binary" NOT NULL,
    granted_at  BIGINT NOT NULL,
    PRIMARY KEY (pool, user_id, application, scope)
) /* WITHOUT ROWID */;

-- Tokens of applications themselves, which stand for no person.
CREATE TABLE client_tokens (
    pool        TEXT COLLATE "binary" NOT NULL,
    hash        BYTEA  NOT NULL,
    id          TEXT COLLATE "binary" NOT NULL,
    application TEXT COLLATE "binary" NOT NULL,
    scopes      TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    PRIMARY KEY (pool, hash)
) /* WITHOUT ROWID */;
CREATE INDEX client_tokens_by_end ON client_tokens (expires_at);

-- To which application a session belongs, what that was granted, and when the
-- person proved who they are. A token may be good for less: empty is for all.
ALTER TABLE sessions ADD COLUMN application TEXT COLLATE "binary" NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN scopes TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN proved_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE access_tokens ADD COLUMN scopes TEXT;

-- +goose Down

ALTER TABLE access_tokens DROP COLUMN scopes;
ALTER TABLE sessions DROP COLUMN proved_at;
ALTER TABLE sessions DROP COLUMN scopes;
ALTER TABLE sessions DROP COLUMN application;
DROP TABLE client_tokens;
DROP TABLE consents;
DROP TABLE application_secrets;
ALTER TABLE applications DROP COLUMN version;
ALTER TABLE applications DROP COLUMN updated_at;
ALTER TABLE applications DROP COLUMN client;
