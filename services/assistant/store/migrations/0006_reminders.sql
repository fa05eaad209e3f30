-- Reminders: what somebody wants called to mind, and a row for every time that came due.

ALTER TABLE person ADD COLUMN zone text NOT NULL DEFAULT '';    -- IANA name; empty until the person says

CREATE TABLE reminder (
    space_id uuid NOT NULL,
    reminder_id uuid NOT NULL,
    number integer NOT NULL,                -- what people call it by
    conversation_id uuid NOT NULL,          -- where it was asked for, and goes to
    person_id uuid NOT NULL,
    message_id uuid NOT NULL,               -- who forgets this message forgets the reminder
    text text NOT NULL,
    starts timestamp NOT NULL,              -- the first time, on the clocks of the zone
    zone text NOT NULL,
    every integer CHECK (every BETWEEN 1 AND 10000),
    unit text CHECK (unit IN ('minute', 'hour', 'day', 'week', 'month', 'year')),
    weekdays integer[] NOT NULL DEFAULT '{}',
    next_due timestamptz,                   -- null when it does not come again
    PRIMARY KEY (space_id, reminder_id),
    UNIQUE (space_id, number),
    CHECK ((every IS NULL) = (unit IS NULL))
);
CREATE INDEX reminder_in_order ON reminder (space_id, next_due);
CREATE INDEX reminder_of_message ON reminder (space_id, message_id);
ALTER TABLE reminder ALTER text SET STATISTICS 0;

-- At most one row a due time, whatever restarts: what makes a second firing impossible.
CREATE TABLE occurrence (
    space_id uuid NOT NULL,
    reminder_id uuid NOT NULL,
    due_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('sent', 'done', 'failed', 'missed')),
    delivery_id uuid CHECK (delivery_id IS NOT NULL OR state = 'missed'),
    PRIMARY KEY (space_id, reminder_id, due_at)
);
CREATE INDEX occurrence_of_delivery ON occurrence (space_id, delivery_id) WHERE delivery_id IS NOT NULL;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['reminder', 'occurrence'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY scope ON %I USING (space_id = ANY ('
            'coalesce(nullif(current_setting(''remi.spaces'', true), ''''), ''{}'')::uuid[]))', name);
    END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE, DELETE ON reminder, occurrence TO remi_app;
