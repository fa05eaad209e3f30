-- What people and groups have set: the language Remi answers in, whether it listens along, and whose words it leaves.

ALTER TABLE person ADD COLUMN language text NOT NULL DEFAULT '';
ALTER TABLE chat
    ADD COLUMN listens boolean NOT NULL DEFAULT false,  -- what isn't addressed to Remi is kept too
    ADD COLUMN told_at timestamptz;                     -- when Remi said there what it keeps; null until it has

-- People whose own words in a group are not kept.
CREATE TABLE aside (
    chat_space uuid NOT NULL REFERENCES chat (space_id),
    platform text NOT NULL,
    user_id text NOT NULL,                  -- the account: linking changes whose it is
    PRIMARY KEY (chat_space, platform, user_id)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON aside TO remi_app;
