-- +goose Up

-- What a way in is known by beside its person, such as a passkey's credential
-- or a telephone number; a number that only grows, such as the last step at
-- which a one-time password was used; and what else its kind keeps.
ALTER TABLE authenticators ADD COLUMN handle TEXT NOT NULL DEFAULT '';
ALTER TABLE authenticators ADD COLUMN counter BIGINT NOT NULL DEFAULT 0;
ALTER TABLE authenticators ADD COLUMN data TEXT NOT NULL DEFAULT '';

-- contract: nothing before this step writes rows of these kinds.
CREATE UNIQUE INDEX authenticators_one_each ON authenticators (pool, user_id, kind, second) WHERE kind IN ('totp', 'sms_otp');
CREATE UNIQUE INDEX authenticators_by_handle ON authenticators (pool, handle) WHERE kind = 'passkey';

-- +goose Down

DROP INDEX authenticators_by_handle;
DROP INDEX authenticators_one_each;
DELETE FROM authenticators WHERE kind IN ('totp', 'sms_otp', 'passkey');
ALTER TABLE authenticators DROP COLUMN data;
ALTER TABLE authenticators DROP COLUMN counter;
ALTER TABLE authenticators DROP COLUMN handle;
