-- +goose Up

-- Where an event stands in its pool's chain, from 1 on, and what chains it to
-- the one before it; 0 until it is sealed. A program from before this step
-- writes events that are sealed later, like all others.
ALTER TABLE events ADD COLUMN place BIGINT NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN link TEXT NOT NULL DEFAULT '';
CREATE INDEX events_unsealed ON events (seq) WHERE place = 0;
CREATE UNIQUE INDEX events_by_place ON events (pool, place) WHERE place <> 0;

-- The last event of each chain, and the last of those that were deleted
-- because they were old.
CREATE TABLE audit_heads (
    pool         TEXT COLLATE "binary" NOT NULL PRIMARY KEY,
    place        BIGINT NOT NULL,
    link         TEXT   NOT NULL,
    trimmed      BIGINT NOT NULL,
    trimmed_link TEXT   NOT NULL,
    proof        TEXT   NOT NULL
);

-- +goose Down

DROP TABLE audit_heads;
DROP INDEX events_by_place;
DROP INDEX events_unsealed;
ALTER TABLE events DROP COLUMN link;
ALTER TABLE events DROP COLUMN place;
