-- From the form of a message that an edit made to the one before it.
CREATE INDEX message_replaced ON message (replaced_by) WHERE replaced_by IS NOT NULL;
