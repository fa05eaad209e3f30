-- Accounts that become one person: who gave a code, who sent it, what both said. Like the rest of the directory it
-- holds ids only, and stands outside of row-level security.

CREATE TABLE link (
    link_id uuid PRIMARY KEY,
    code_digest bytea NOT NULL UNIQUE,      -- keyed: the code itself is kept nowhere
    issuer_platform text NOT NULL,
    issuer_id text NOT NULL,
    issuer_conversation uuid NOT NULL,      -- the direct talk in which the code was asked for
    issuer_agreed boolean NOT NULL DEFAULT false,
    taker_platform text,                    -- whoever sent the code; null until somebody has
    taker_id text,
    taker_conversation uuid,
    taker_agreed boolean NOT NULL DEFAULT false,
    taker_role text,                        -- what the taker was before, and is at most afterwards
    state text NOT NULL DEFAULT 'offered'
        CHECK (state IN ('offered', 'asked', 'agreed', 'moving', 'linked', 'refused', 'parted')),
    expires_at timestamptz NOT NULL,
    kept_person uuid,                       -- whose private space is kept, and
    gone_person uuid,                       -- whose goes into it
    linked_at timestamptz
);
CREATE INDEX link_of_issuer ON link (issuer_platform, issuer_id);
CREATE INDEX link_of_taker ON link (taker_platform, taker_id) WHERE taker_id IS NOT NULL;
CREATE INDEX link_into ON link (kept_person) WHERE state = 'moving';
GRANT SELECT, INSERT, UPDATE, DELETE ON link TO remi_app;

-- The id that a row has in the space it was moved to: the same each time, so that what refers to it needs no list.
CREATE FUNCTION moved_id(space_id uuid, id uuid) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN encode(substring(sha256(uuid_send(space_id) || uuid_send(id)) FOR 16), 'hex')::uuid;
