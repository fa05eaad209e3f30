-- A group that its platform gave another id, as Telegram does when one becomes a supergroup, keeps its space.

CREATE TABLE chat_alias (
    platform text NOT NULL,
    chat_id text NOT NULL,                  -- its id now
    known_as text NOT NULL,                 -- the id under which it was let in
    PRIMARY KEY (platform, chat_id),
    UNIQUE (platform, known_as)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON chat_alias TO remi_app;
