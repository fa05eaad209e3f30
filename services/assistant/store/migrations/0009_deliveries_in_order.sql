-- What a conversation still has to be sent: a reply goes after the older ones.

CREATE INDEX delivery_pending ON delivery (space_id, conversation_id) WHERE state = 'pending';
