-- A private space $2 goes into another one, $1, batch by batch; both must be in scope. Ids become those of `moved_id`,
-- so what refers to a row needs no look-up; positions stay, so the order of a talk does too, also to what was said in
-- it since. Columns that are not named are taken along as they are. A person's id is their space's.

-- name: conversations
-- A talk that both spaces know has the newer of its two topics.
INSERT INTO conversation AS c
SELECT copy.* FROM conversation old, jsonb_populate_record(old, jsonb_build_object('space_id', $1::uuid)) AS copy
WHERE old.space_id = $2
ON CONFLICT (space_id, conversation_id) DO UPDATE SET topic_since = greatest(c.topic_since, excluded.topic_since)

-- name: reminded
-- The messages on which reminders rest.
SELECT message_id FROM reminder WHERE space_id = $1

-- name: reminders
-- All reminders at once, with the times they came and the work that fires them; nothing fires in between.
WITH moving AS MATERIALIZED (
    SELECT reminder_id, row_number() OVER (ORDER BY number)
               + (SELECT coalesce(max(number), 0) FROM reminder WHERE space_id = $1) AS number
    FROM (SELECT reminder_id, number FROM reminder WHERE space_id = $2 FOR UPDATE) AS held
), moved AS (
    INSERT INTO reminder
    SELECT copy.* FROM moving JOIN reminder old USING (reminder_id), jsonb_populate_record(old, jsonb_build_object(
        'space_id', $1::uuid, 'reminder_id', moved_id($1, old.reminder_id), 'number', moving.number,
        'message_id', moved_id($1, old.message_id),
        'person_id', CASE old.person_id WHEN $2 THEN $1 ELSE old.person_id END)) AS copy
    WHERE old.space_id = $2
), times AS (
    INSERT INTO occurrence
    SELECT copy.* FROM moving JOIN occurrence old USING (reminder_id), jsonb_populate_record(old, jsonb_build_object(
        'space_id', $1::uuid, 'reminder_id', moved_id($1, old.reminder_id))) AS copy
    WHERE old.space_id = $2
), asked AS (
    UPDATE work SET space_id = $1, subject_id = moved_id($1, subject_id), lease_until = NULL, holder = NULL
    FROM moving WHERE work.space_id = $2 AND kind = 'remind' AND subject_id = moving.reminder_id
), old_times AS (
    DELETE FROM occurrence USING moving WHERE space_id = $2 AND occurrence.reminder_id = moving.reminder_id
)
DELETE FROM reminder USING moving WHERE space_id = $2 AND reminder.reminder_id = moving.reminder_id

-- name: turns
-- At most $3 turns; what their traces name is named anew, but for what stands in other spaces.
WITH moving AS MATERIALIZED (
    SELECT turn_id FROM turn WHERE space_id = $2 LIMIT $3 FOR UPDATE
), moved AS (
    INSERT INTO turn
    SELECT copy.* FROM moving JOIN turn old USING (turn_id), jsonb_populate_record(old, jsonb_build_object(
        'space_id', $1::uuid, 'turn_id', moved_id($1, old.turn_id),
        'person_id', CASE old.person_id WHEN $2 THEN $1 ELSE old.person_id END,
        'recalled', (
            SELECT coalesce(jsonb_agg(CASE WHEN line ? 'space' THEN line ELSE line || jsonb_strip_nulls(
                jsonb_build_object('message', moved_id($1, (line ->> 'message')::uuid),
                                   'memory', moved_id($1, (line ->> 'memory')::uuid))) END ORDER BY number), '[]')
            FROM jsonb_array_elements(old.recalled) WITH ORDINALITY AS each (line, number)))) AS copy
    WHERE old.space_id = $2
    ON CONFLICT DO NOTHING
)
DELETE FROM turn USING moving WHERE space_id = $2 AND turn.turn_id = moving.turn_id RETURNING true

-- name: events
WITH moving AS MATERIALIZED (
    SELECT event_key FROM event WHERE space_id = $2 LIMIT $3 FOR UPDATE
), moved AS (
    INSERT INTO event OVERRIDING SYSTEM VALUE
    SELECT copy.* FROM moving JOIN event old USING (event_key), jsonb_populate_record(old, jsonb_build_object(
        'space_id', $1::uuid, 'message_id', moved_id($1, old.message_id), 'turn_id', moved_id($1, old.turn_id),
        'person_id', CASE old.person_id WHEN $2 THEN $1 ELSE old.person_id END)) AS copy
    WHERE old.space_id = $2
    ON CONFLICT DO NOTHING
)
DELETE FROM event USING moving WHERE space_id = $2 AND event.event_key = moving.event_key RETURNING true

-- name: messages
-- At most $3 messages, of $4 where it is given, with where they stand on the platform. They are to be indexed under the
-- words of their new space, and to be learned from where that was still to be done.
WITH moving AS MATERIALIZED (
    SELECT message_id, conversation_id FROM message
    WHERE space_id = $2 AND ($4::uuid[] IS NULL OR message_id = ANY ($4))
    ORDER BY conversation_id, position LIMIT $3 FOR UPDATE
), moved AS (
    INSERT INTO message OVERRIDING SYSTEM VALUE
    SELECT copy.* FROM moving JOIN message old USING (message_id), jsonb_populate_record(old, jsonb_build_object(
        'space_id', $1::uuid, 'message_id', moved_id($1, old.message_id),
        'person_id', CASE old.person_id WHEN $2 THEN $1 ELSE old.person_id END,
        'reply_to', moved_id($1, old.reply_to), 'turn_id', moved_id($1, old.turn_id),
        'replaced_by', moved_id($1, old.replaced_by), 'indexed_at', NULL)) AS copy
    WHERE old.space_id = $2
    ON CONFLICT DO NOTHING
), standing AS (
    INSERT INTO receipt
    SELECT copy.* FROM moving JOIN receipt old USING (message_id), jsonb_populate_record(old, jsonb_build_object(
        'space_id', $1::uuid, 'message_id', moved_id($1, old.message_id),
        'turn_id', moved_id($1, old.turn_id))) AS copy
    WHERE old.space_id = $2
    ON CONFLICT DO NOTHING
), stood AS (
    DELETE FROM receipt USING moving WHERE space_id = $2 AND receipt.message_id = moving.message_id
), asked AS (
    INSERT INTO work AS w (space_id, kind, subject_id, route)
    SELECT DISTINCT $1::uuid, kind, conversation_id, c.platform || ':' || c.bot_id
    FROM moving JOIN conversation c USING (conversation_id), unnest('{index,learn}'::text[]) AS kind
    WHERE c.space_id = $1
    ON CONFLICT (space_id, kind, subject_id) DO UPDATE SET wakes = w.wakes + 1, due_at = least(w.due_at, now())
)
DELETE FROM message USING moving WHERE space_id = $2 AND message.message_id = moving.message_id RETURNING true

-- name: receipts
-- Where replies stand that are no messages.
WITH moving AS MATERIALIZED (
    SELECT conversation_id, platform_message_id FROM receipt WHERE space_id = $2 LIMIT $3 FOR UPDATE
), moved AS (
    INSERT INTO receipt
    SELECT copy.* FROM moving JOIN receipt old USING (conversation_id, platform_message_id),
        jsonb_populate_record(old, jsonb_build_object('space_id', $1::uuid, 'message_id',
            moved_id($1, old.message_id), 'turn_id', moved_id($1, old.turn_id))) AS copy
    WHERE old.space_id = $2
    ON CONFLICT DO NOTHING
)
DELETE FROM receipt USING moving
WHERE space_id = $2 AND receipt.conversation_id = moving.conversation_id
  AND receipt.platform_message_id = moving.platform_message_id
RETURNING true

-- name: memories
-- At most $3 memories with their sources, after the messages. What rests on a message that is gone goes itself.
WITH moving AS MATERIALIZED (
    SELECT memory_id FROM memory WHERE space_id = $2 LIMIT $3 FOR UPDATE
), whole AS MATERIALIZED (
    SELECT memory_id FROM moving WHERE NOT EXISTS (
        SELECT FROM memory_source s WHERE s.space_id = $2 AND s.memory_id = moving.memory_id
          AND NOT EXISTS (SELECT FROM message m WHERE m.space_id = $1 AND m.message_id = moved_id($1, s.message_id)))
), moved AS (
    INSERT INTO memory
    SELECT copy.* FROM whole JOIN memory old USING (memory_id), jsonb_populate_record(old, jsonb_build_object(
        'space_id', $1::uuid, 'memory_id', moved_id($1, old.memory_id),
        'superseded_by', moved_id($1, old.superseded_by), 'retracted_by', moved_id($1, old.retracted_by),
        'indexed_at', NULL)) AS copy
    WHERE old.space_id = $2
    ON CONFLICT DO NOTHING
), sources AS (
    INSERT INTO memory_source
    SELECT copy.* FROM whole JOIN memory_source old USING (memory_id), jsonb_populate_record(old, jsonb_build_object(
        'space_id', $1::uuid, 'memory_id', moved_id($1, old.memory_id),
        'message_id', moved_id($1, old.message_id))) AS copy
    WHERE old.space_id = $2
    ON CONFLICT DO NOTHING
), old_sources AS (
    DELETE FROM memory_source USING moving WHERE space_id = $2 AND memory_source.memory_id = moving.memory_id
)
DELETE FROM memory USING moving WHERE space_id = $2 AND memory.memory_id = moving.memory_id RETURNING true

-- name: index
-- What was learned is to be found too, by way of any of the space's talks.
INSERT INTO work AS w (space_id, kind, subject_id, route)
SELECT $1, 'index', conversation_id, platform || ':' || bot_id FROM conversation WHERE space_id = $1 LIMIT 1
ON CONFLICT (space_id, kind, subject_id) DO UPDATE SET wakes = w.wakes + 1, due_at = least(w.due_at, now())

-- name: tables
-- All tables under row-level security, found by it, so that none can be left out.
SELECT relname FROM pg_class WHERE relrowsecurity AND relnamespace = 'public'::regnamespace ORDER BY relname

-- name: erase
-- At most $2 of the rows that a table holds of a space.
DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE space_id = $1 LIMIT $2)) RETURNING true

-- name: unlist
-- What stands of a space outside of row-level security.
WITH listed AS (
    DELETE FROM undelivered WHERE space_id = $1
)
DELETE FROM work WHERE space_id = $1

-- name: spaces
-- The spaces of groups.
SELECT space_id FROM chat

-- name: sign
-- In a space of many, what one person has said is another's from here on: they are the same.
UPDATE {table} SET person_id = $2 WHERE space_id = $1 AND person_id = $3
