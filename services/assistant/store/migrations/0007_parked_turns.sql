-- A turn that no model answered is parked: its conversation goes on without it, and it is tried again.

ALTER TABLE turn DROP CONSTRAINT turn_state_check,
    ADD CONSTRAINT turn_state_check CHECK (state IN ('running', 'parked', 'done', 'stopped', 'failed')),
    ADD COLUMN told_at timestamptz;         -- when the person heard that the model is away: once a turn
CREATE UNIQUE INDEX turn_parked ON turn (space_id, conversation_id) WHERE state = 'parked';
