-- What is read in order up to a number must not be found by sorting all that its space holds. A planner without statistics
-- takes any space for a single row, which is as well sorted; the space in the index leaves it nothing to prefer.
DROP INDEX message_in_order, message_to_index, message_to_learn;
CREATE INDEX message_in_order ON message (conversation_id, space_id, position);
CREATE INDEX message_to_index ON message (conversation_id, space_id, position) WHERE indexed_at IS NULL;
CREATE INDEX message_to_learn ON message (conversation_id, space_id, position) WHERE learned_at IS NULL;
