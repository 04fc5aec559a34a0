-- +goose Up

-- How often something was done in two stretches of time, each of which began
-- when it was first done. subject is a keyed hash. Of a stretch whose
-- beginning is in told, the audit trail knows that it is used up.
CREATE TABLE budgets (
    pool        TEXT COLLATE "binary" NOT NULL,
    name        TEXT COLLATE "binary" NOT NULL,
    subject     BYTEA  NOT NULL,
    short_began BIGINT NOT NULL,
    short_spent BIGINT NOT NULL,
    long_began  BIGINT NOT NULL,
    long_spent  BIGINT NOT NULL,
    short_told  BIGINT NOT NULL,
    long_told   BIGINT NOT NULL,
    ends_at     BIGINT NOT NULL,
    PRIMARY KEY (pool, name, subject)
) /* WITHOUT ROWID */;
CREATE INDEX budgets_by_end ON budgets (ends_at);

-- Until when somebody is refused was told to the audit trail.
ALTER TABLE attempts ADD COLUMN told BIGINT NOT NULL DEFAULT 0;

-- +goose Down

ALTER TABLE attempts DROP COLUMN told;
DROP TABLE budgets;
