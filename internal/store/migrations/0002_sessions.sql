-- +goose Up

-- The newest access token of a session, so that lists of sessions show it and
-- search by it without looking for it.
ALTER TABLE sessions ADD COLUMN token_id TEXT COLLATE "binary" NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN token_created_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN token_expires_at BIGINT NOT NULL DEFAULT 0;
UPDATE sessions SET
    token_id = COALESCE((SELECT t.id FROM access_tokens t WHERE t.pool = sessions.pool AND t.session_id = sessions.id
        ORDER BY t.created_at DESC, t.id DESC LIMIT 1), ''),
    token_created_at = COALESCE((SELECT t.created_at FROM access_tokens t WHERE t.pool = sessions.pool AND t.session_id = sessions.id
        ORDER BY t.created_at DESC, t.id DESC LIMIT 1), 0),
    token_expires_at = COALESCE((SELECT t.expires_at FROM access_tokens t WHERE t.pool = sessions.pool AND t.session_id = sessions.id
        ORDER BY t.created_at DESC, t.id DESC LIMIT 1), 0);

-- Sessions are listed oldest first; those that ended are not listed.
CREATE INDEX sessions_by_age ON sessions (pool, created_at, id) WHERE ended_at = 0;

-- When a password was declared to be due for a change; 0 for not.
ALTER TABLE authenticators ADD COLUMN expired_at BIGINT NOT NULL DEFAULT 0;

-- +goose Down

ALTER TABLE authenticators DROP COLUMN expired_at;
DROP INDEX sessions_by_age;
ALTER TABLE sessions DROP COLUMN token_expires_at;
ALTER TABLE sessions DROP COLUMN token_created_at;
ALTER TABLE sessions DROP COLUMN token_id;
