-- What each person's turns cost, day by day. It holds numbers only, so it belongs to no space and outlives forgetting.

CREATE TABLE usage (
    person_id uuid NOT NULL,
    day date NOT NULL,                      -- in UTC, by the server's clock
    turns integer NOT NULL,
    prompt_tokens bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    PRIMARY KEY (person_id, day)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON usage TO remi_app;
