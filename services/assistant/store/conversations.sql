-- name: begin_topic
-- What was said in a conversation so far is no recent talk any more.
UPDATE conversation SET topic_since = coalesce(
    (SELECT max(position) FROM message WHERE space_id = $1 AND conversation_id = $2), 0)
WHERE space_id = $1 AND conversation_id = $2

-- name: count_messages
-- How many messages of people a space holds, edited ones once.
SELECT count(*) FROM message WHERE space_id = $1 AND role = 'person' AND replaced_by IS NULL

-- name: of_others
-- Of these messages and memories, those that this person did not say, or that others said a source of; also
-- those that are not there.
SELECT asked.id FROM unnest($3::uuid[]) AS asked (id)
LEFT JOIN message m ON m.space_id = $1 AND m.message_id = asked.id
WHERE m.person_id IS DISTINCT FROM $2
UNION ALL
SELECT asked.id FROM unnest($4::uuid[]) AS asked (id)
WHERE NOT EXISTS (SELECT FROM memory WHERE space_id = $1 AND memory_id = asked.id)
   OR EXISTS (
        SELECT FROM memory_source s
        LEFT JOIN message m ON m.space_id = $1 AND m.message_id = s.message_id
        WHERE s.space_id = $1 AND s.memory_id = asked.id AND m.person_id IS DISTINCT FROM $2)

-- name: note
-- Something a person said beside the talk: kept word for word, to be indexed, not to be learned from.
WITH seen AS (
    INSERT INTO conversation (space_id, conversation_id, platform, bot_id, chat_id, thread_id, chat_kind)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING
)
INSERT INTO message (space_id, message_id, conversation_id, role, person_id, author_name, text, sent_at, learned_at)
VALUES ($1, $8, $2, 'person', $9, $10, $11, $12, now())
