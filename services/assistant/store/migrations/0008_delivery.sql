-- What could not be delivered is put aside, and a platform that wants nothing more in a chat is left alone there.

ALTER TABLE delivery DROP CONSTRAINT delivery_state_check,
    ADD CONSTRAINT delivery_state_check CHECK (state IN ('pending', 'delivered', 'rejected', 'unknown', 'expired'));

-- Deliveries put aside, in all spaces: ids and reasons only, for the operator. The text stays with the delivery.
CREATE TABLE undelivered (
    space_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    route text NOT NULL,                    -- platform:bot
    chat_id text NOT NULL,
    state text NOT NULL CHECK (state IN ('rejected', 'unknown', 'expired')),
    reason text NOT NULL,
    attempts integer NOT NULL,
    created_at timestamptz NOT NULL,        -- when it was to be sent first
    put_aside_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (space_id, delivery_id)
);

-- Chats that the platform closed for a while, for every sender.
CREATE TABLE closed_chat (
    route text NOT NULL,
    chat_id text NOT NULL,
    open_at timestamptz NOT NULL,
    PRIMARY KEY (route, chat_id)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON undelivered, closed_chat TO remi_app;
