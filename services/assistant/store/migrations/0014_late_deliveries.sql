-- What waits for a gateway that is down expires too, and what may stand on a platform twice is counted.

ALTER TABLE work ADD made_at timestamptz NOT NULL DEFAULT now();

-- Deliveries that were handed out once more, since nobody said what had become of them: ids only, for the operator.
CREATE TABLE sent_again (
    space_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    route text NOT NULL,                    -- platform:bot
    chat_id text NOT NULL,
    times integer NOT NULL DEFAULT 1,
    last_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (space_id, delivery_id)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON sent_again TO remi_app;
