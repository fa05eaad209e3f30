-- Which bots' gateways keep a Deliver stream: only there an older reply is waited for, however long.

CREATE TABLE listening (
    route text PRIMARY KEY,                 -- platform:bot
    at timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON listening TO remi_app;
