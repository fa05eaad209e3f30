-- What learning keeps beside a memory's text, and how often talk came back unread from the memory model.

ALTER TABLE memory
    ADD COLUMN confidence real NOT NULL DEFAULT .6 CHECK (confidence > 0 AND confidence <= 1),
    ADD COLUMN confirmed_at timestamptz,        -- when it was last said; null: when its one source was
    ADD COLUMN happens_from date,               -- days [from, until) on the clock of whoever said it
    ADD COLUMN happens_until date,
    ADD COLUMN first_reply integer,             -- an instruction for these of Remi's replies only, counted from
    ADD COLUMN last_reply integer,              -- the answer to the message that gave it
    ADD COLUMN retracted_by uuid,               -- the message in which the person took it back
    ADD CHECK ((happens_from IS NULL) = (happens_until IS NULL) AND happens_from < happens_until),
    ADD CHECK ((first_reply IS NULL) = (last_reply IS NULL) AND first_reply BETWEEN 1 AND last_reply);
CREATE INDEX memory_passing ON memory (space_id) WHERE last_reply IS NOT NULL AND superseded_at IS NULL;
CREATE INDEX memory_retracted ON memory (space_id, retracted_by) WHERE retracted_by IS NOT NULL;
CREATE INDEX passage_of_memory ON passage (space_id, subject_id) WHERE of_memory;

ALTER TABLE message ADD COLUMN learn_tries smallint NOT NULL DEFAULT 0;
