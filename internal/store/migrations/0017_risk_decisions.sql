-- +goose Up

-- What the rules about where somebody comes from said of a sign-up or sign-in,
-- and from what. Found by the request. expires_at is 0 for what is kept for
-- ever.
CREATE TABLE risk_decisions (
    pool       TEXT COLLATE "binary" NOT NULL,
    request_id TEXT COLLATE "binary" NOT NULL,
    id         TEXT COLLATE "binary" NOT NULL,
    flow       TEXT   NOT NULL,
    user_id    TEXT   NOT NULL,
    type       TEXT   NOT NULL,
    outcome    TEXT   NOT NULL,
    rule       TEXT   NOT NULL,
    address    TEXT   NOT NULL,
    findings   TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (pool, request_id, id)
) /* WITHOUT ROWID */;
CREATE INDEX risk_decisions_by_end ON risk_decisions (expires_at);

-- From where a person signed in last, of each country.
CREATE TABLE sightings (
    pool      TEXT COLLATE "binary" NOT NULL,
    user_id   TEXT COLLATE "binary" NOT NULL,
    country   TEXT COLLATE "binary" NOT NULL,
    place     TEXT   NOT NULL,
    address   TEXT   NOT NULL,
    seen_at   BIGINT NOT NULL,
    PRIMARY KEY (pool, user_id, country)
) /* WITHOUT ROWID */;
CREATE INDEX sightings_by_time ON sightings (seen_at);

-- +goose Down

DROP TABLE sightings;
DROP TABLE risk_decisions;
