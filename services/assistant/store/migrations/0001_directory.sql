-- Who is known, what was accepted, what is to be done. None of these tables holds what people say, and none
-- is under row-level security: a scope is computed from them, so they must be readable before one is set.

CREATE EXTENSION IF NOT EXISTS vector;

CREATE TABLE person (
    person_id uuid PRIMARY KEY,             -- also the id of the person's private space
    role text NOT NULL CHECK (role IN ('admin', 'member', 'guest', 'removed')),
    turns_a_day integer NOT NULL DEFAULT 0 CHECK (turns_a_day >= 0),   -- 0 for no limit
    joined_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE identity (
    platform text NOT NULL,
    user_id text NOT NULL,
    person_id uuid NOT NULL REFERENCES person,
    display_name text NOT NULL,
    PRIMARY KEY (platform, user_id)
);
CREATE INDEX identity_of_person ON identity (person_id);

-- Group chats that were let in.
CREATE TABLE chat (
    platform text NOT NULL,
    chat_id text NOT NULL,
    space_id uuid NOT NULL UNIQUE,
    admitted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (platform, chat_id)
);

CREATE TABLE invitation (
    code_digest bytea PRIMARY KEY,
    role text NOT NULL CHECK (role IN ('admin', 'member')),
    made_by uuid,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    used_by text                            -- platform:id
);

-- People who were turned away: a keyed hash of the account, and when they were last told how to be let in.
CREATE TABLE stranger (
    account_hash bytea PRIMARY KEY,
    told_at timestamptz NOT NULL
);

CREATE TABLE audit (
    audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    person_id uuid,                         -- null for the operator at the machine
    action text NOT NULL,
    subject_id text NOT NULL
);

-- Idempotency keys of every accepted event, for good: they outlive forgetting.
CREATE TABLE event_key (
    key text PRIMARY KEY CHECK (octet_length(key) BETWEEN 1 AND 200),
    digest bytea NOT NULL,                  -- keyed, of the event's body: a reuse with another body is seen
    accepted_at timestamptz NOT NULL DEFAULT now()
);

-- The newest committed message of each place whose platform never sends again what a bot missed.
CREATE TABLE cursor (
    platform text NOT NULL,
    bot_id text NOT NULL,
    chat_id text NOT NULL,
    thread_id text NOT NULL,
    chat_kind text NOT NULL,
    message_id text NOT NULL,
    PRIMARY KEY (platform, bot_id, chat_id, thread_id)
);

-- What waits to be done, in all spaces. At most one row a subject, so at most one worker on it: that is what keeps
-- one turn running per conversation. `attempt` fences: a commit names the attempt it belongs to.
CREATE TABLE work (
    space_id uuid NOT NULL,
    kind text NOT NULL,
    subject_id uuid NOT NULL,               -- turn, index, learn: the conversation; deliver: the delivery
    route text NOT NULL,                    -- platform:bot, for those who may only claim their own
    due_at timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz,                -- null while nobody works on it
    holder uuid,                            -- whose lease it is
    attempt integer NOT NULL DEFAULT 0,
    wakes bigint NOT NULL DEFAULT 1,        -- how often it was asked for: done only if this did not move
    PRIMARY KEY (space_id, kind, subject_id)
);
CREATE INDEX work_due ON work (kind, due_at);
