-- +goose Up

-- Programs name their application alone, and that finds the pool.
CREATE UNIQUE INDEX applications_by_id ON applications (id);

-- +goose Down

DROP INDEX applications_by_id;
