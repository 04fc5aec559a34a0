-- Sets of people that applications make. Neither a person nor a group that is
-- deleted leaves a membership behind, whichever release deletes them.

-- +goose Up

CREATE TABLE user_groups (
    pool        TEXT COLLATE "binary" NOT NULL REFERENCES pools (id),
    id          TEXT COLLATE "binary" NOT NULL,
    name        TEXT   NOT NULL,
    name_key    TEXT COLLATE "binary" NOT NULL,
    type        TEXT COLLATE "binary" NOT NULL,
    description TEXT   NOT NULL,
    attributes  TEXT   NOT NULL,
    version     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    PRIMARY KEY (pool, id)
);
CREATE INDEX user_groups_by_age ON user_groups (pool, created_at, id);

CREATE TABLE group_members (
    pool       TEXT COLLATE "binary" NOT NULL,
    group_id   TEXT COLLATE "binary" NOT NULL,
    user_id    TEXT COLLATE "binary" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (pool, group_id, user_id),
    FOREIGN KEY (pool, group_id) REFERENCES user_groups (pool, id) ON DELETE CASCADE,
    FOREIGN KEY (pool, user_id) REFERENCES users (pool, id) ON DELETE CASCADE
) /* WITHOUT ROWID */;
CREATE INDEX group_members_by_age ON group_members (pool, group_id, created_at, user_id);
CREATE INDEX group_members_by_user ON group_members (pool, user_id, created_at, group_id);

-- +goose Down

DROP TABLE group_members;
DROP TABLE user_groups;
