-- What people and groups have set: the language Remi answers in, whether it listens along, and whose words it leaves.

ALTER TABLE person ADD COLUMN language text NOT NULL DEFAULT '';
ALTER TABLE chat
    ADD COLUMN listens boolean NOT NULL DEFAULT false,  -- what isn't addressed to Remi is kept too
    ADD COLUMN told_at timestamptz;                     -- when Remi said there what it keeps; null until it has

-- People whose own words in a group are not kept.
CREATE TABLE aside (
    platform text NOT NULL,
    chat_id text NOT NULL,
    person_id uuid NOT NULL REFERENCES person,
    PRIMARY KEY (platform, chat_id, person_id)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON aside TO remi_app;
