-- +goose Up

-- By what way a message leaves: '' is a mail, 'sms' a text message. Each has
-- workers of its own, so that one that waits holds up none of the other.
ALTER TABLE outbox ADD COLUMN channel TEXT NOT NULL DEFAULT '';
CREATE INDEX outbox_by_channel ON outbox (channel, due_at);

-- +goose Down

DROP INDEX outbox_by_channel;
DELETE FROM outbox WHERE channel <> '';
ALTER TABLE outbox DROP COLUMN channel;
