-- What was forgotten, by ids alone: so that it can be forgotten once more when a backup brings it back. Outside of
-- row-level security, like `work`: it is read for all spaces, and holds no text.

CREATE TABLE forgetting (
    space_id uuid NOT NULL,
    forgetting_id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    messages uuid[] NOT NULL,
    memories uuid[] NOT NULL,
    keys text[] NOT NULL,                   -- of the events that brought them, and
    digests bytea[] NOT NULL,               -- their digests: what is sent again stays unheard
    kept_at timestamptz,                    -- when it was written to the ledger beside the database
    PRIMARY KEY (space_id, forgetting_id)
);
CREATE INDEX forgetting_to_keep ON forgetting (at) WHERE kept_at IS NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON forgetting TO remi_app;
