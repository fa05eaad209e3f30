-- name: messages
-- A page of a space's messages as lines, conversation by conversation, in order.
SELECT conversation_id, position, json_strip_nulls(json_build_object(
    'record', 'message', 'id', message_id, 'conversation', conversation_id, 'role', role, 'author', author_name,
    'text', text, 'attachments', attachments, 'sent_at', sent_at, 'reply_to', reply_to, 'replaced_by', replaced_by,
    'learned', learned_at IS NOT NULL))::text AS line
FROM message
WHERE space_id = $1 AND (conversation_id, position) > ($2, $3)
ORDER BY conversation_id, position LIMIT $4

-- name: memories
-- A page of what was learned in a space until a moment as lines, oldest first, with its sources.
SELECT learned_at, memory_id, json_strip_nulls(json_build_object(
    'record', 'memory', 'id', memory_id, 'kind', kind, 'text', text, 'said_at', said_at, 'learned_at', learned_at,
    'superseded_at', superseded_at, 'superseded_by', superseded_by, 'retracted_by', retracted_by,
    'confidence', round(confidence::numeric, 4), 'confirmed_at', confirmed_at,
    'happens_from', happens_from, 'happens_until', happens_until,
    'first_reply', first_reply, 'last_reply', last_reply,
    'sources', (SELECT json_agg(json_build_object('message', message_id, 'quote', quote) ORDER BY message_id)
                FROM memory_source s WHERE s.space_id = $1 AND s.memory_id = m.memory_id)))::text AS line
FROM memory m
WHERE space_id = $1 AND (learned_at, memory_id) > ($2, $3) AND learned_at <= $4
ORDER BY learned_at, memory_id LIMIT $5

-- name: reminders
-- What is still to come in a space, as lines.
SELECT json_strip_nulls(json_build_object(
    'record', 'reminder', 'id', reminder_id, 'message', message_id, 'text', text, 'starts', starts, 'zone', zone,
    'every', every, 'unit', unit, 'weekdays', weekdays, 'next_due', next_due))::text AS line
FROM reminder WHERE space_id = $1 AND next_due IS NOT NULL ORDER BY number

-- name: standing
-- Which of these ids are messages, memories or reminders of the space.
SELECT message_id AS id FROM message WHERE space_id = $1 AND message_id = ANY ($2::uuid[])
UNION ALL
SELECT memory_id FROM memory WHERE space_id = $1 AND memory_id = ANY ($2::uuid[])
UNION ALL
SELECT reminder_id FROM reminder WHERE space_id = $1 AND reminder_id = ANY ($2::uuid[])

-- name: add_conversations
-- Where imported talk stands, apart from the talk of the place, so that it is never taken for recent.
INSERT INTO conversation (space_id, conversation_id, platform, bot_id, chat_id, thread_id, chat_kind)
SELECT $1, conversation_id, $3, $4, $5, $6, $7 FROM unnest($2::uuid[]) AS conversation_id
ON CONFLICT DO NOTHING

-- name: add_messages
-- Messages in the order given; those that stand already stay as they are. They are to be made findable, and to be
-- learned from where that was still to be done. Whoever imports them does the first, and says when the second may begin;
-- should they be gone before, a worker does both, after $14.
WITH added AS (
    INSERT INTO message (space_id, message_id, conversation_id, role, person_id, author_name, text, attachments, sent_at,
                         reply_to, replaced_by, learned_at)
    SELECT $1, a.message_id, a.conversation_id, a.role, CASE WHEN a.role = 'person' THEN $2::uuid END, a.author_name,
           a.text, a.attachments, a.sent_at, a.reply_to, a.replaced_by, CASE WHEN a.learned THEN now() END
    FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::jsonb[], $9::timestamptz[],
                $10::uuid[], $11::uuid[], $12::boolean[]) WITH ORDINALITY
         AS a (message_id, conversation_id, role, author_name, text, attachments, sent_at, reply_to, replaced_by,
               learned, number)
    ORDER BY a.number
    ON CONFLICT DO NOTHING
    RETURNING true
), asked AS (
    INSERT INTO work AS w (space_id, kind, subject_id, route, due_at)
    SELECT DISTINCT $1::uuid, kind, conversation_id, $13, now() + $14
    FROM unnest($4::uuid[], $12::boolean[]) AS a (conversation_id, learned), unnest('{index,learn}'::text[]) AS kind
    WHERE kind = 'index' OR NOT learned
    ON CONFLICT (space_id, kind, subject_id) DO UPDATE SET wakes = w.wakes + 1
)
SELECT count(*) FROM added
