-- name: accept
-- Commits one event, once: its key, its message, its place in the inbox. Takes the conversation for a new turn
-- when nobody works on it and nothing waits in it. What continues ($27) waits a moment for its next part instead.
-- A message that was deleted or edited before it came is only recorded, the latter as the old form of what it became;
-- so is what was merely overheard ($28), which nobody answers.
-- No row: the directory changed, or the key is known. Until the commit the account can't become another person's.
WITH known AS (
    SELECT FROM identity JOIN person USING (person_id)
    WHERE platform = $1 AND user_id = $2 AND person_id = $3 AND role = $4
      AND NOT ($18 IN ('message', 'edit')
               AND EXISTS (SELECT FROM aside a WHERE a.chat_space = $7 AND a.platform = $1 AND a.user_id = $2))
    FOR SHARE OF identity
), keyed AS (
    INSERT INTO event_key (key, digest) SELECT $5, $6 FROM known ON CONFLICT DO NOTHING RETURNING key
), seen AS (
    INSERT INTO conversation (space_id, conversation_id, platform, bot_id, chat_id, thread_id, chat_kind)
    SELECT $7, $8, $1, $9, $10, $11, $12 FROM keyed ON CONFLICT DO NOTHING
), moved AS (
    INSERT INTO cursor (platform, bot_id, chat_id, thread_id, chat_kind, message_id)
    SELECT $1, $9, $10, $11, $12, $13 FROM keyed WHERE $14
    ON CONFLICT (platform, bot_id, chat_id, thread_id) DO UPDATE SET message_id = excluded.message_id
        WHERE (length(excluded.message_id), excluded.message_id) > (length(cursor.message_id), cursor.message_id)
), outrun AS (
    SELECT message_id FROM receipt
    WHERE space_id = $7 AND conversation_id = $8 AND platform_message_id = $13 AND turn_id IS NULL
      AND $13 <> '' AND $18 = 'message'
      AND (message_id IS NULL
           OR EXISTS (SELECT FROM event WHERE space_id = $7 AND message_id = receipt.message_id AND kind = 'edit'))
), kind AS (
    SELECT CASE WHEN EXISTS (SELECT FROM outrun) OR $28 THEN 'record' ELSE $18 END AS kind
), queue AS (
    INSERT INTO work AS w (space_id, kind, subject_id, route, due_at, lease_until, attempt, holder)
    SELECT $7, 'turn', $8, $15, now() + CASE WHEN $27 THEN interval '3 seconds' ELSE interval '0' END,
           CASE WHEN NOT $27 THEN now() + $16::interval END, 1, CASE WHEN NOT $27 THEN $17::uuid END
    FROM keyed, kind WHERE kind.kind <> 'record'
    ON CONFLICT (space_id, kind, subject_id) DO UPDATE SET
        wakes = w.wakes + 1,
        due_at = CASE WHEN $27 THEN excluded.due_at ELSE least(w.due_at, now()) END,
        attempt = w.attempt + CASE WHEN w.lease_until IS NULL AND NOT $27 THEN 1 ELSE 0 END,
        holder = CASE WHEN w.lease_until IS NULL AND NOT $27 THEN $17 ELSE w.holder END,
        lease_until = CASE WHEN w.lease_until IS NULL AND NOT $27 THEN now() + $16 ELSE w.lease_until END
    RETURNING w.attempt, w.wakes, coalesce(w.holder = $17, false) AS is_ours
), taken AS (
    -- What waits already comes first: then the conversation is ours, but the turn is put together by `take`.
    SELECT queue.attempt FROM queue
    WHERE queue.is_ours
      AND NOT EXISTS (SELECT FROM event WHERE space_id = $7 AND conversation_id = $8 AND turn_id IS NULL
                      AND kind <> 'record')
      AND NOT EXISTS (SELECT FROM turn WHERE space_id = $7 AND conversation_id = $8 AND state = 'running')
), said AS (
    INSERT INTO message (space_id, message_id, conversation_id, role, person_id, author_name, text, attachments,
                         sent_at, reply_to, replaced_by)
    SELECT $7, $19, $8, 'person', $3, $20, $21, $22, $23,
           (SELECT message_id FROM receipt
            WHERE space_id = $7 AND conversation_id = $8 AND platform_message_id = $24),
           (SELECT message_id FROM outrun)
    FROM keyed
    WHERE $19::uuid IS NOT NULL AND NOT EXISTS (SELECT FROM outrun WHERE message_id IS NULL)
), standing AS (
    INSERT INTO receipt (space_id, conversation_id, platform_message_id, message_id)
    SELECT $7, $8, $13, $19 FROM keyed
    WHERE $19::uuid IS NOT NULL AND $13 <> '' AND NOT EXISTS (SELECT FROM outrun)
    ON CONFLICT (space_id, conversation_id, platform_message_id) DO UPDATE SET message_id = excluded.message_id
), turned AS (
    INSERT INTO turn (space_id, turn_id, conversation_id, person_id, state, attempt, asked_at)
    SELECT $7, $17, $8, $3, 'running', taken.attempt, $23 FROM taken
), inbox AS (
    INSERT INTO event (space_id, event_key, conversation_id, kind, person_id, author, body, message_id, sent_at,
                       turn_id)
    SELECT $7, $5, $8, kind.kind, $3, $25, $26,
           CASE WHEN NOT EXISTS (SELECT FROM outrun WHERE message_id IS NULL) THEN $19 END, $23,
           (SELECT $17 FROM taken)
    FROM keyed CROSS JOIN kind LEFT JOIN queue ON true
)
SELECT queue.attempt, queue.wakes, coalesce(queue.is_ours, false) AS is_ours,
       EXISTS (SELECT FROM taken) AS is_taken,
       EXISTS (SELECT FROM person JOIN usage USING (person_id)
               WHERE person_id = $3 AND day = (now() AT TIME ZONE 'UTC')::date
                 AND turns_a_day > 0 AND turns >= turns_a_day) AS is_over_limit,
       NOT EXISTS (SELECT FROM delivery WHERE space_id = $7 AND conversation_id = $8 AND state = 'pending') AS is_clear
FROM keyed LEFT JOIN queue ON true

-- name: keep
-- A message that somebody replied to, kept once; its author is known by now.
WITH said AS (
    INSERT INTO message (space_id, message_id, conversation_id, role, person_id, author_name, text, sent_at)
    SELECT $1, $3, $2, 'person', person_id, $6, $7, $8 FROM identity
    WHERE platform = $4 AND user_id = $5
      AND NOT EXISTS (SELECT FROM aside a WHERE a.chat_space = $1 AND a.platform = $4 AND a.user_id = $5)
      AND NOT EXISTS (SELECT FROM receipt
                      WHERE space_id = $1 AND conversation_id = $2 AND platform_message_id = $9)
    RETURNING message_id
)
INSERT INTO receipt (space_id, conversation_id, platform_message_id, message_id)
SELECT $1, $2, $9, message_id FROM said
ON CONFLICT DO NOTHING

-- name: reuse
-- What stands under a key: its body's digest.
SELECT digest FROM event_key WHERE key = $1

-- name: follow
-- What became of an accepted event: its turn, and whether it is the newest the turn answers. A record that no turn
-- has is over: an edit took its place, or it was deleted.
SELECT e.turn_id, t.state, e.kind = 'record' AND e.turn_id IS NULL AS is_over,
       e.position = (SELECT max(position) FROM event WHERE space_id = $1 AND turn_id = e.turn_id) AS is_newest
FROM event e LEFT JOIN turn t ON t.space_id = e.space_id AND t.turn_id = e.turn_id
WHERE e.space_id = $1 AND e.event_key = $2

-- name: hold
-- Edits of a conversation are taken one at a time.
SELECT FROM conversation WHERE space_id = $1 AND conversation_id = $2 FOR UPDATE

-- name: replace
-- The old form of a message becomes history: it waits for no answer any more. Returns the turn that answered it.
WITH old AS (
    SELECT m.message_id FROM receipt r JOIN message m USING (space_id, message_id)
    WHERE r.space_id = $1 AND r.conversation_id = $2 AND r.platform_message_id = $3 AND m.person_id = $4
), history AS (
    UPDATE message SET replaced_by = $5 WHERE space_id = $1 AND message_id IN (SELECT message_id FROM old)
), answered AS (
    SELECT e.event_key, e.turn_id FROM event e
    WHERE e.space_id = $1 AND e.message_id IN (SELECT message_id FROM old)
), unasked AS (
    UPDATE event SET kind = 'record'
    WHERE space_id = $1 AND event_key IN (SELECT event_key FROM answered WHERE turn_id IS NULL)
), unset AS (
    -- What the old form wanted called to mind, the new one asks for anew, if it still does.
    UPDATE reminder SET next_due = NULL
    WHERE space_id = $1 AND message_id IN (SELECT message_id FROM old) AND next_due IS NOT NULL
    RETURNING reminder_id
), unset_work AS (
    DELETE FROM work WHERE space_id = $1 AND kind = 'remind' AND subject_id IN (SELECT reminder_id FROM unset)
)
SELECT old.message_id, (SELECT turn_id FROM answered LIMIT 1) AS turn_id,
       NOT EXISTS (SELECT FROM event e WHERE e.space_id = $1 AND e.message_id = old.message_id AND e.kind <> 'record')
           AS is_overheard
FROM old

-- name: stop
-- Ends the running turn of a conversation, and one that is parked there (or, given an id, only that one): nothing
-- it does counts any more.
UPDATE turn SET state = 'stopped', finished_at = now()
WHERE space_id = $1 AND conversation_id = $2 AND state IN ('running', 'parked') AND ($3::uuid IS NULL OR turn_id = $3)
RETURNING turn_id

-- name: reopen
-- What a stopped turn had taken waits again, but for one message.
UPDATE event SET turn_id = NULL WHERE space_id = $1 AND turn_id = $2 AND message_id IS DISTINCT FROM $3

-- name: note
-- Uses a key for an event that has no place in the inbox; no row if it was used before.
INSERT INTO event_key (key, digest) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING true

-- name: bury
-- Where a message would stand that was deleted before it came. One that is just being committed is waited for.
INSERT INTO receipt (space_id, conversation_id, platform_message_id)
SELECT $1, $2, id FROM unnest($3::text[]) AS id
ON CONFLICT DO NOTHING

-- name: kept
-- Our ids of platform messages, of those that are kept in a conversation.
SELECT r.message_id FROM receipt r JOIN message m USING (space_id, message_id)
WHERE r.space_id = $1 AND r.conversation_id = $2 AND r.platform_message_id = ANY ($3::text[])

-- name: newest
-- The newest messages of people that are kept in a conversation, as they read now, by a digest.
SELECT r.platform_message_id, sha256(convert_to(m.text, 'UTF8')) AS text_digest
FROM message m JOIN receipt r USING (space_id, message_id)
WHERE m.space_id = $1 AND m.conversation_id = $2 AND m.role = 'person' AND m.replaced_by IS NULL
ORDER BY m.position DESC LIMIT $3

-- name: free
-- Whoever held the conversation holds it no more; what waits in it is due now.
UPDATE work SET lease_until = NULL, holder = NULL, due_at = now(), wakes = wakes + 1
WHERE space_id = $1 AND kind = 'turn' AND subject_id = $2

-- name: resume
-- The turn that a lost worker or a silent model left running, fenced anew under this attempt. Talk that came in
-- meanwhile joins it, if it is talk itself. No row for a worker ($4) that has lost the conversation itself.
WITH again AS (
    UPDATE turn SET attempt = $3, tries = tries + 1
    WHERE space_id = $1 AND conversation_id = $2 AND state = 'running' AND attempt < $3
      AND EXISTS (SELECT FROM work WHERE space_id = $1 AND kind = 'turn' AND subject_id = $2
                  AND holder = $4 AND attempt = $3)
    RETURNING turn_id, tries
), joined AS (
    UPDATE event SET turn_id = again.turn_id FROM again
    WHERE space_id = $1 AND conversation_id = $2 AND event.turn_id IS NULL AND kind IN ('message', 'edit')
      AND NOT EXISTS (SELECT FROM event e WHERE e.space_id = $1 AND e.turn_id = again.turn_id
                      AND e.kind NOT IN ('message', 'edit'))
      AND position < coalesce((SELECT min(position) FROM event e
                               WHERE e.space_id = $1 AND e.conversation_id = $2 AND e.turn_id IS NULL
                                 AND e.kind IN ('command', 'button')), 9223372036854775807)
)
SELECT turn_id, tries FROM again

-- name: take
-- A new turn of everything that waits: messages and edits together up to the next command, a command alone. No
-- events for a worker ($5) that has lost the conversation.
WITH waiting AS (
    SELECT event_key, position, kind IN ('message', 'edit') AS is_talk, person_id, sent_at FROM event
    WHERE space_id = $1 AND conversation_id = $2 AND turn_id IS NULL AND kind <> 'record'
      AND EXISTS (SELECT FROM work WHERE space_id = $1 AND kind = 'turn' AND subject_id = $2
                  AND holder = $5 AND attempt = $4)
      AND NOT EXISTS (SELECT FROM turn WHERE space_id = $1 AND conversation_id = $2 AND state = 'running')
), first AS (
    SELECT position, is_talk FROM waiting ORDER BY position LIMIT 1
), batch AS (
    SELECT w.* FROM waiting w, first
    WHERE w.position = first.position
       OR (first.is_talk AND w.position < coalesce(
              (SELECT min(position) FROM waiting WHERE NOT is_talk), 9223372036854775807))
), newest AS (
    SELECT person_id, sent_at FROM batch ORDER BY position DESC LIMIT 1
), turned AS (
    INSERT INTO turn (space_id, turn_id, conversation_id, person_id, state, attempt, asked_at)
    SELECT $1, $3, $2, person_id, 'running', $4, sent_at FROM newest
), marked AS (
    UPDATE event SET turn_id = $3
    WHERE space_id = $1 AND event_key IN (SELECT event_key FROM batch)
    RETURNING event_key
)
SELECT (SELECT count(*) FROM marked) AS events,
       EXISTS (SELECT FROM person JOIN usage USING (person_id) JOIN newest USING (person_id)
               WHERE day = (now() AT TIME ZONE 'UTC')::date
                 AND turns_a_day > 0 AND turns >= turns_a_day) AS is_over_limit

-- name: set_aside
-- Broken events: their rows stay, and no turn has them.
UPDATE event SET kind = 'record', turn_id = NULL WHERE space_id = $1 AND event_key = ANY ($2::text[])

-- name: events
-- What a turn answers, oldest first, and where.
SELECT e.event_key, e.kind, e.person_id, e.author, e.body, e.message_id, e.sent_at, p.zone, p.language,
       EXISTS (SELECT FROM chat WHERE chat.space_id = $1 AND told_at IS NULL) AS is_news,
       m.text, m.attachments,
       r.platform_message_id, c.platform, c.bot_id, c.chat_id, c.thread_id, c.chat_kind
FROM event e
JOIN conversation c ON c.space_id = e.space_id AND c.conversation_id = e.conversation_id
JOIN person p ON p.person_id = e.person_id
LEFT JOIN message m ON m.space_id = e.space_id AND m.message_id = e.message_id
LEFT JOIN receipt r ON r.space_id = e.space_id AND r.message_id = e.message_id AND r.part = 0
WHERE e.space_id = $1 AND e.turn_id = $2
ORDER BY e.position
