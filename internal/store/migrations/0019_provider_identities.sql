-- +goose Up

-- Who somebody is in the words of a provider is one person's in a pool.
-- contract: nothing before this step writes rows of these kinds.
CREATE UNIQUE INDEX authenticators_by_identity ON authenticators (pool, handle) WHERE kind IN ('social', 'saml');

-- +goose Down

DROP INDEX authenticators_by_identity;
DELETE FROM authenticators WHERE kind IN ('social', 'saml');
