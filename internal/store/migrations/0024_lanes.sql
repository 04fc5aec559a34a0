-- +goose Up

-- Within a pool and a channel, the part of the line that a message stands in:
-- for the word of a logout it is the application's id, else ''. What waits in
-- one holds up no other.
ALTER TABLE outbox ADD COLUMN lane TEXT NOT NULL DEFAULT '';

-- +goose Down

DELETE FROM outbox WHERE lane <> '';
ALTER TABLE outbox DROP COLUMN lane;
