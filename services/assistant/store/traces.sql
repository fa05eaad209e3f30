-- name: of_message
-- The answered turn behind a platform message: the one that sent it, or the one that answered it.
SELECT t.turn_id
FROM receipt r
LEFT JOIN event e ON e.space_id = r.space_id AND e.message_id = r.message_id
JOIN turn t ON t.space_id = r.space_id AND t.turn_id = coalesce(r.turn_id, e.turn_id)
WHERE r.space_id = $1 AND r.conversation_id = $2 AND r.platform_message_id = $3
  AND t.state = 'done' AND t.model <> ''
LIMIT 1

-- name: sent
-- Where Remi's answer stands that was sent as this message of a chat.
SELECT c.conversation_id, c.thread_id
FROM conversation c
JOIN receipt r ON r.space_id = c.space_id AND r.conversation_id = c.conversation_id
JOIN turn t ON t.space_id = r.space_id AND t.turn_id = r.turn_id
WHERE c.space_id = $1 AND c.platform = $2 AND c.bot_id = $3 AND c.chat_id = $4 AND r.platform_message_id = $5
  AND t.state = 'done' AND t.model <> ''
LIMIT 1

-- name: newest
-- The last turn of a conversation that a model, or the offline responder, answered.
SELECT turn_id FROM turn
WHERE space_id = $1 AND conversation_id = $2 AND state = 'done' AND model <> ''
ORDER BY started_at DESC LIMIT 1

-- name: read
-- What is recorded of an answered turn, and how its answer begins while that stands.
SELECT asked_at, finished_at, recalled, model, prompt_tokens, completion_tokens,
       (SELECT left(text, 200) FROM message m
        WHERE m.space_id = $1 AND m.turn_id = $2 AND role = 'remi' LIMIT 1) AS answer
FROM turn
WHERE space_id = $1 AND turn_id = $2 AND state = 'done' AND model <> ''

-- name: passages
-- What references to messages name, of those that still stand. One row a reference, by its number.
SELECT ref.number, m.role, m.author_name, m.sent_at AS said_at, m.replaced_by IS NOT NULL AS superseded,
       substring(m.text FROM ref.starts + 1 FOR ref.ends - ref.starts) AS text
FROM unnest($2::uuid[], $3::uuid[], $4::int[], $5::int[]) WITH ORDINALITY
     AS ref (space_id, message_id, starts, ends, number)
JOIN message m ON m.space_id = ref.space_id AND m.message_id = ref.message_id
WHERE m.space_id = ANY ($1::uuid[])

-- name: memories
-- The memories among these ids that still stand.
SELECT memory_id, text, said_at, superseded_at IS NOT NULL AS superseded FROM memory
WHERE space_id = ANY ($1::uuid[]) AND memory_id = ANY ($2::uuid[])

-- name: sources
-- The messages that memories came from, oldest first.
SELECT s.memory_id, s.message_id, s.quote, m.sent_at, m.author_name
FROM memory_source s JOIN message m USING (space_id, message_id)
WHERE s.space_id = ANY ($1::uuid[]) AND s.memory_id = ANY ($2::uuid[])
ORDER BY m.sent_at, m.position
