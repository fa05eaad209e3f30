-- name: begin_topic
-- What was said in a conversation so far is no recent talk any more.
UPDATE conversation SET topic_since = coalesce(
    (SELECT max(position) FROM message WHERE space_id = $1 AND conversation_id = $2), 0)
WHERE space_id = $1 AND conversation_id = $2

-- name: count_messages
-- How many messages of people a space holds, edited ones once.
SELECT count(*) FROM message WHERE space_id = $1 AND role = 'person' AND replaced_by IS NULL

-- name: of_others
-- Of these messages, those that neither this person said nor Remi answered them with; of these memories, those that
-- came from such a message.
SELECT message_id AS id FROM message m
WHERE space_id = $1 AND message_id = ANY ($3::uuid[])
  AND coalesce(person_id, (SELECT t.person_id FROM turn t WHERE t.space_id = $1 AND t.turn_id = m.turn_id))
      IS DISTINCT FROM $2
UNION ALL
SELECT s.memory_id FROM memory_source s JOIN message m USING (space_id, message_id)
WHERE space_id = $1 AND s.memory_id = ANY ($4::uuid[]) AND m.person_id IS DISTINCT FROM $2

-- name: said
SELECT message_id, role, author_name, text, sent_at, person_id FROM message
WHERE space_id = ANY ($1::uuid[]) AND message_id = ANY ($2::uuid[])
ORDER BY sent_at DESC, position DESC

-- name: behind
SELECT m.message_id FROM receipt r
JOIN message m ON m.space_id = r.space_id AND (m.message_id = r.message_id OR m.turn_id = r.turn_id)
WHERE r.space_id = $1 AND r.conversation_id = $2 AND r.platform_message_id = $3
LIMIT 1

-- name: newest_reply
SELECT message_id FROM message
WHERE space_id = $1 AND conversation_id = $2 AND role = 'remi' AND replaced_by IS NULL
ORDER BY position DESC LIMIT 1

-- name: platform_ids
-- The platform's ids of messages, the first part's of those sent in several.
SELECT DISTINCT ON (message_id) message_id, platform_message_id FROM receipt
WHERE space_id = ANY ($1::uuid[]) AND message_id = ANY ($2::uuid[])
ORDER BY message_id, part

-- name: note
-- Something a person said beside the talk: kept word for word, to be indexed, not to be learned from.
WITH seen AS (
    INSERT INTO conversation (space_id, conversation_id, platform, bot_id, chat_id, thread_id, chat_kind)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING
)
INSERT INTO message (space_id, message_id, conversation_id, role, person_id, author_name, text, sent_at, learned_at)
VALUES ($1, $8, $2, 'person', $9, $10, $11, $12, now()) ON CONFLICT DO NOTHING
