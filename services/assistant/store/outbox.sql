-- name: read
-- A delivery and where it goes.
SELECT d.delivery_id, d.turn_id, coalesce(m.text, d.text) AS text, d.buttons, d.reply_to, d.replaces, d.file_name,
       d.file_content, d.sent, d.state, c.platform, c.bot_id, c.chat_id, c.thread_id, c.chat_kind
FROM delivery d
JOIN conversation c ON c.space_id = d.space_id AND c.conversation_id = d.conversation_id
LEFT JOIN message m ON m.space_id = d.space_id AND m.message_id = d.message_id
WHERE d.space_id = $1 AND d.delivery_id = $2

-- name: of_turn
-- The delivery that carries a turn's outcome.
SELECT delivery_id FROM delivery WHERE space_id = $1 AND turn_id = $2 ORDER BY created_at DESC LIMIT 1

-- name: is_next
-- Whether nothing older of its conversation still waits to be sent. What has waited for too long is waited for no more.
SELECT NOT EXISTS (
    SELECT FROM delivery d
    JOIN delivery older ON older.space_id = $1 AND older.conversation_id = d.conversation_id
    WHERE d.space_id = $1 AND d.delivery_id = $2 AND older.state = 'pending'
      AND (older.created_at, older.delivery_id) < (d.created_at, d.delivery_id) AND older.created_at > now() - $3::interval
)

-- name: settle
-- What the platform said for good. Receipts make the parts findable; a text that is no message is not kept.
WITH settled AS (
    UPDATE delivery SET state = $4, sent = $5, reason = $6, text = '', file_content = ''
    FROM conversation c
    WHERE delivery.space_id = $1 AND delivery_id = $2 AND c.space_id = $1
      AND c.conversation_id = delivery.conversation_id AND c.platform = $3
    RETURNING delivery.conversation_id, delivery.message_id, delivery.turn_id
), standing AS (
    INSERT INTO receipt (space_id, conversation_id, platform_message_id, message_id, turn_id, part)
    SELECT $1, conversation_id, part.id, message_id, turn_id, part.number - 1
    FROM settled, unnest($5::text[]) WITH ORDINALITY AS part (id, number)
    ON CONFLICT (space_id, conversation_id, platform_message_id)
        DO UPDATE SET message_id = excluded.message_id, turn_id = excluded.turn_id, part = excluded.part
), reminded AS (
    UPDATE occurrence SET state = CASE $4 WHEN 'delivered' THEN 'done' ELSE 'failed' END
    WHERE space_id = $1 AND delivery_id = $2 AND state = 'sent' AND $4 <> 'unknown' AND EXISTS (SELECT FROM settled)
), gone AS (
    DELETE FROM work WHERE space_id = $1 AND kind = 'deliver' AND subject_id = $2 AND EXISTS (SELECT FROM settled)
)
SELECT true FROM settled

-- name: release
-- No live Converse carries it any more.
UPDATE work SET lease_until = NULL WHERE space_id = $1 AND kind = 'deliver' AND subject_id = $2

-- name: later
-- Some parts stand, the rest is due later.
WITH partly AS (
    UPDATE delivery SET sent = $4
    FROM conversation c
    WHERE delivery.space_id = $1 AND delivery_id = $2 AND c.space_id = $1
      AND c.conversation_id = delivery.conversation_id AND c.platform = $3
    RETURNING true
)
UPDATE work SET lease_until = NULL, due_at = now() + $5
WHERE space_id = $1 AND kind = 'deliver' AND subject_id = $2 AND EXISTS (SELECT FROM partly)
RETURNING true
