-- Ways in beside the password: one of each kind for each factor. second: it
-- was enrolled as a second factor, and is none on its own.

-- +goose Up

ALTER TABLE authenticators ADD COLUMN second BOOLEAN NOT NULL DEFAULT FALSE;
CREATE UNIQUE INDEX authenticators_one_mailbox ON authenticators (pool, user_id, kind, second) WHERE kind IN ('email_otp', 'magic_link');

-- +goose Down

DROP INDEX authenticators_one_mailbox;
DELETE FROM authenticators WHERE kind <> 'password';
ALTER TABLE authenticators DROP COLUMN second;
