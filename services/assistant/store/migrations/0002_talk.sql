-- What is said, and what is to be said. Everything here belongs to a space: space_id comes first in every key,
-- and row-level security holds for the owner too. Free text has no statistics, so that none of it outlives its row.

CREATE TABLE conversation (
    space_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    platform text NOT NULL,
    bot_id text NOT NULL,
    chat_id text NOT NULL,
    thread_id text NOT NULL,
    chat_kind text NOT NULL CHECK (chat_kind IN ('direct', 'group')),
    topic_since bigint NOT NULL DEFAULT 0,  -- messages up to this position are no recent talk any more
    PRIMARY KEY (space_id, conversation_id)
);

CREATE TABLE message (
    space_id uuid NOT NULL,
    message_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    position bigint GENERATED ALWAYS AS IDENTITY,
    role text NOT NULL CHECK (role IN ('person', 'remi')),
    person_id uuid CHECK (person_id IS NOT NULL OR role = 'remi'),
    author_name text NOT NULL,
    text text NOT NULL,
    attachments jsonb NOT NULL DEFAULT '[]',
    sent_at timestamptz NOT NULL,
    reply_to uuid,
    turn_id uuid,                           -- of a reply: the turn that made it
    replaced_by uuid,                       -- the edited form; this one is history
    indexed_at timestamptz,
    learned_at timestamptz,
    PRIMARY KEY (space_id, message_id)
);
CREATE INDEX message_in_order ON message (space_id, conversation_id, position);
CREATE INDEX message_to_index ON message (space_id, conversation_id) WHERE indexed_at IS NULL;
CREATE INDEX message_to_learn ON message (space_id, conversation_id) WHERE learned_at IS NULL;
ALTER TABLE message ALTER text SET STATISTICS 0, ALTER attachments SET STATISTICS 0,
    ALTER author_name SET STATISTICS 0;

-- Where a message stands on the platform. A reply sent in parts has one row a part.
CREATE TABLE receipt (
    space_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    platform_message_id text NOT NULL,
    message_id uuid,                        -- null for a reply that is no message, such as a command's
    turn_id uuid,                           -- the turn that sent it; null for what people sent
    part smallint NOT NULL DEFAULT 0,
    PRIMARY KEY (space_id, conversation_id, platform_message_id)
);
CREATE INDEX receipt_of_message ON receipt (space_id, message_id, part);
CREATE INDEX receipt_of_turn ON receipt (space_id, turn_id, part) WHERE turn_id IS NOT NULL;

-- The inbox: every accepted event, in order.
CREATE TABLE event (
    space_id uuid NOT NULL,
    event_key text NOT NULL,
    conversation_id uuid NOT NULL,
    position bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL CHECK (kind IN ('message', 'edit', 'command', 'button', 'record')),
    person_id uuid NOT NULL,
    author jsonb NOT NULL,                  -- display name, role in the chat, language
    body jsonb NOT NULL,                    -- what is needed to answer; emptied when answered
    message_id uuid,
    sent_at timestamptz NOT NULL,
    turn_id uuid,                           -- null until a turn has taken it; records are never taken
    PRIMARY KEY (space_id, event_key)
);
CREATE INDEX event_waiting ON event (space_id, conversation_id, position)
    WHERE turn_id IS NULL AND kind <> 'record';
CREATE INDEX event_of_turn ON event (space_id, turn_id, position);
CREATE INDEX event_of_message ON event (space_id, message_id);
ALTER TABLE event ALTER body SET STATISTICS 0, ALTER author SET STATISTICS 0;

-- A turn and its trace: what was recalled stands as references, so that forgetting a message empties the trace of it.
CREATE TABLE turn (
    space_id uuid NOT NULL,
    turn_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    person_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('running', 'done', 'stopped', 'failed')),
    attempt integer NOT NULL,               -- of the work row, when a worker took it: the fence of its commit
    tries integer NOT NULL DEFAULT 1,
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz CHECK ((finished_at IS NULL) = (state = 'running')),
    asked_at timestamptz NOT NULL,
    recalled jsonb NOT NULL DEFAULT '[]',
    model text NOT NULL DEFAULT '',
    prompt_tokens integer NOT NULL DEFAULT 0,
    completion_tokens integer NOT NULL DEFAULT 0,
    PRIMARY KEY (space_id, turn_id)
);
CREATE UNIQUE INDEX turn_running ON turn (space_id, conversation_id) WHERE state = 'running';
CREATE INDEX turn_in_order ON turn (space_id, conversation_id, started_at);
ALTER TABLE turn ALTER recalled SET STATISTICS 0, ALTER recalled SET STORAGE EXTERNAL;

-- The outbox. The text of a reply stands in its message; other texts stand here until the platform has them.
CREATE TABLE delivery (
    space_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    turn_id uuid NOT NULL,
    message_id uuid,
    text text NOT NULL,
    buttons jsonb NOT NULL DEFAULT '[]',
    reply_to text NOT NULL DEFAULT '',
    replaces text[] NOT NULL DEFAULT '{}',
    file_name text NOT NULL DEFAULT '',
    file_content bytea NOT NULL DEFAULT '',
    sent text[] NOT NULL DEFAULT '{}',      -- platform ids of the parts that stand
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'rejected', 'unknown')),
    reason text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (space_id, delivery_id),
    CHECK (message_id IS NULL OR text = '')
);
CREATE INDEX delivery_of_turn ON delivery (space_id, turn_id);
CREATE INDEX delivery_of_message ON delivery (space_id, message_id);
ALTER TABLE delivery ALTER text SET STATISTICS 0, ALTER file_content SET STATISTICS 0,
    ALTER buttons SET STATISTICS 0, ALTER file_name SET STATISTICS 0;

-- What a button stands for: references only, for the one person it was shown to.
CREATE TABLE action (
    space_id uuid NOT NULL,
    action_id uuid NOT NULL,
    person_id uuid NOT NULL,
    verb text NOT NULL,
    arguments jsonb NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (space_id, action_id)
);
ALTER TABLE action ALTER arguments SET STATISTICS 0;
