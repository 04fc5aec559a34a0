-- The texts that people are asked to accept. Each kind has a row of its own,
-- whose version every change of one of its agreements raises first: so changes
-- of one kind come one after another, and at most one stays active.

-- +goose Up

CREATE TABLE agreement_kinds (
    pool    TEXT COLLATE "binary" NOT NULL REFERENCES pools (id),
    kind    TEXT COLLATE "binary" NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (pool, kind)
);

-- text_start is what the text is sorted by.
CREATE TABLE agreements (
    pool         TEXT COLLATE "binary" NOT NULL REFERENCES pools (id),
    id           TEXT COLLATE "binary" NOT NULL,
    kind         TEXT COLLATE "binary" NOT NULL,
    name         TEXT    NOT NULL,
    name_key     TEXT COLLATE "binary" NOT NULL,
    text         TEXT COLLATE "binary" NOT NULL,
    text_start   TEXT COLLATE "binary" NOT NULL,
    active       BOOLEAN NOT NULL,
    version      BIGINT  NOT NULL,
    created_at   BIGINT  NOT NULL,
    updated_at   BIGINT  NOT NULL,
    published_at BIGINT  NOT NULL,
    PRIMARY KEY (pool, id)
);
CREATE UNIQUE INDEX agreements_one_active ON agreements (pool, kind) WHERE active;
CREATE INDEX agreements_by_age ON agreements (pool, created_at, id);

-- +goose Down

DROP TABLE agreements;
DROP TABLE agreement_kinds;
