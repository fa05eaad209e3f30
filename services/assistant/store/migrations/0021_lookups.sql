-- Who looks for one row must not find all those of its space. The policy and the query each name the space, so a planner
-- that multiplies both takes it for next to empty, and any index that begins with the space for as good as the one that
-- has the row. So what is looked up by something of its own is looked up by that first.
DROP INDEX message_in_order, message_to_index, message_to_learn;
CREATE INDEX message_by_id ON message (message_id);
CREATE INDEX message_of_turn ON message (turn_id) WHERE turn_id IS NOT NULL;
CREATE INDEX message_in_order ON message (conversation_id, position);
CREATE INDEX message_to_index ON message (conversation_id) WHERE indexed_at IS NULL;
CREATE INDEX message_to_learn ON message (conversation_id) WHERE learned_at IS NULL;

DROP INDEX event_of_message, event_of_turn, event_waiting;
CREATE INDEX event_of_message ON event (message_id);
CREATE INDEX event_of_turn ON event (turn_id, position);
CREATE INDEX event_waiting ON event (conversation_id, position) WHERE turn_id IS NULL AND kind <> 'record';

CREATE INDEX turn_by_id ON turn (turn_id);
DROP INDEX turn_in_order;
CREATE INDEX turn_in_order ON turn (conversation_id, started_at);

DROP INDEX receipt_of_message, receipt_of_turn;
CREATE INDEX receipt_of_message ON receipt (message_id, part);
CREATE INDEX receipt_of_turn ON receipt (turn_id, part) WHERE turn_id IS NOT NULL;

DROP INDEX delivery_of_message, delivery_of_turn, delivery_pending;
CREATE INDEX delivery_of_message ON delivery (message_id);
CREATE INDEX delivery_of_turn ON delivery (turn_id);
CREATE INDEX delivery_pending ON delivery (conversation_id) WHERE state = 'pending';

CREATE INDEX memory_by_id ON memory (memory_id);
DROP INDEX memory_superseded, memory_retracted;
CREATE INDEX memory_superseded ON memory (superseded_by) WHERE superseded_by IS NOT NULL;
CREATE INDEX memory_retracted ON memory (retracted_by) WHERE retracted_by IS NOT NULL;

DROP INDEX reminder_of_message, occurrence_of_delivery;
CREATE INDEX reminder_of_message ON reminder (message_id);
CREATE INDEX occurrence_of_delivery ON occurrence (delivery_id) WHERE delivery_id IS NOT NULL;
