-- The statements of commit 86632b2, whose last migration has the number 5.

-- name: actions_offer
-- What a button stands for, for one person and a while; what has expired in this space goes.
WITH expired AS (
    DELETE FROM action WHERE space_id = $1 AND expires_at < now()
)
INSERT INTO action (space_id, action_id, person_id, verb, arguments, expires_at)
VALUES ($1, $2, $3, $4, $5, now() + $6)

-- name: actions_find
SELECT person_id, verb, arguments FROM action WHERE space_id = $1 AND action_id = $2 AND expires_at > now()

-- name: actions_drop
DELETE FROM action WHERE space_id = $1 AND action_id = ANY ($2::uuid[])

-- name: admin_admins
-- Who is an admin. One admin act at a time: the next one waits here, and sees what this one changed.
SELECT person_id FROM person WHERE role = 'admin' ORDER BY person_id FOR NO KEY UPDATE

-- name: admin_members
-- Everybody known, who joined first comes first, with their accounts.
SELECT p.person_id, p.role, p.joined_at, p.turns_a_day,
       array_agg(i.platform ORDER BY i.platform, i.user_id) AS platforms,
       array_agg(i.user_id ORDER BY i.platform, i.user_id) AS user_ids,
       array_agg(i.display_name ORDER BY i.platform, i.user_id) AS names
FROM person p JOIN identity i USING (person_id)
GROUP BY p.person_id ORDER BY p.joined_at, p.person_id

-- name: admin_set_role
UPDATE person SET role = $2 WHERE person_id = $1 RETURNING true

-- name: admin_set_limit
UPDATE person SET turns_a_day = $2 WHERE person_id = $1 RETURNING true

-- name: admin_audit
-- The newest entries, of those before $1 where it is given.
SELECT audit_id, at, person_id, action, subject_id FROM audit
WHERE $1::bigint IS NULL OR audit_id < $1
ORDER BY audit_id DESC LIMIT $2

-- name: admin_usage
-- What each person used on the days [$1, $2], most turns first.
SELECT person_id, sum(turns)::int AS turns, sum(prompt_tokens)::bigint AS prompt_tokens,
       sum(completion_tokens)::bigint AS completion_tokens
FROM usage WHERE day BETWEEN $1 AND $2
GROUP BY person_id ORDER BY turns DESC, person_id

-- name: conversations_begin_topic
-- What was said in a conversation so far is no recent talk any more.
UPDATE conversation SET topic_since = coalesce(
    (SELECT max(position) FROM message WHERE space_id = $1 AND conversation_id = $2), 0)
WHERE space_id = $1 AND conversation_id = $2

-- name: conversations_count_messages
-- How many messages of people a space holds, edited ones once.
SELECT count(*) FROM message WHERE space_id = $1 AND role = 'person' AND replaced_by IS NULL

-- name: conversations_of_others
-- Of these messages, those that this person did not say; of these memories, those that came from such a message.
SELECT message_id AS id FROM message
WHERE space_id = $1 AND message_id = ANY ($3::uuid[]) AND person_id IS DISTINCT FROM $2
UNION ALL
SELECT s.memory_id FROM memory_source s JOIN message m USING (space_id, message_id)
WHERE space_id = $1 AND s.memory_id = ANY ($4::uuid[]) AND m.person_id IS DISTINCT FROM $2

-- name: conversations_platform_ids
-- The platform's ids of messages, the first part's of those sent in several.
SELECT DISTINCT ON (message_id) message_id, platform_message_id FROM receipt
WHERE space_id = ANY ($1::uuid[]) AND message_id = ANY ($2::uuid[])
ORDER BY message_id, part

-- name: conversations_note
-- Something a person said beside the talk: kept word for word, to be indexed, not to be learned from.
WITH seen AS (
    INSERT INTO conversation (space_id, conversation_id, platform, bot_id, chat_id, thread_id, chat_kind)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING
)
INSERT INTO message (space_id, message_id, conversation_id, role, person_id, author_name, text, sent_at, learned_at)
VALUES ($1, $8, $2, 'person', $9, $10, $11, $12, now())

-- name: directory_find
-- One row, whatever is known: who the account is, and whether the chat was let in.
SELECT i.person_id, p.role, i.display_name, c.space_id AS group_space
FROM (SELECT $1::text AS platform, $2::text AS user_id, $3::text AS chat_id) AS asked
LEFT JOIN identity i ON i.platform = asked.platform AND i.user_id = asked.user_id
LEFT JOIN person p ON p.person_id = i.person_id
LEFT JOIN chat c ON c.platform = asked.platform AND c.chat_id = asked.chat_id

-- name: directory_add_person
-- A new person with this account; if the account has come to be known meanwhile, nothing changes.
WITH account AS (
    INSERT INTO identity (platform, user_id, person_id, display_name) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING
    RETURNING person_id
)
INSERT INTO person (person_id, role) SELECT person_id, $5 FROM account

-- name: directory_rename
-- The name an account shows now.
UPDATE identity SET display_name = $3 WHERE platform = $1 AND user_id = $2 AND display_name <> $3

-- name: directory_promote
-- Lets a person in, or raises them; never lowers a role.
UPDATE person SET role = $2
WHERE person_id = $1
  AND array_position(ARRAY['removed', 'guest', 'member', 'admin'], role)
    < array_position(ARRAY['removed', 'guest', 'member', 'admin'], $2::text)

-- name: directory_admit_chat
-- Lets a group chat in; its space stays the same if it was in before.
INSERT INTO chat (platform, chat_id, space_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING

-- name: directory_invite
-- A code that works once, until it expires.
INSERT INTO invitation (code_digest, role, made_by, expires_at) VALUES ($1, $2, $3, $4)

-- name: directory_redeem
-- Uses a code up; no row if there is none such, or it was used or has expired.
UPDATE invitation SET used_at = now(), used_by = $2
WHERE code_digest = $1 AND used_at IS NULL AND expires_at > now()
RETURNING role

-- name: directory_tell_stranger
-- A row when this account is to be told how to be let in: at most once a day.
INSERT INTO stranger (account_hash, told_at) VALUES ($1, now())
ON CONFLICT (account_hash) DO UPDATE SET told_at = now() WHERE stranger.told_at < now() - interval '1 day'
RETURNING true

-- name: directory_log
-- One line in the audit.
INSERT INTO audit (person_id, action, subject_id) VALUES ($1, $2, $3)

-- name: directory_cursors
-- The newest committed message of each place of a bot.
SELECT chat_id, thread_id, chat_kind, message_id FROM cursor WHERE platform = $1 AND bot_id = $2

-- name: export_messages
-- A page of a space's messages as lines, conversation by conversation, in order.
SELECT conversation_id, position, json_strip_nulls(json_build_object(
    'record', 'message', 'id', message_id, 'conversation', conversation_id, 'role', role, 'author', author_name,
    'text', text, 'attachments', attachments, 'sent_at', sent_at, 'reply_to', reply_to, 'replaced_by', replaced_by,
    'learned', learned_at IS NOT NULL))::text AS line
FROM message
WHERE space_id = $1 AND (conversation_id, position) > ($2, $3)
ORDER BY conversation_id, position LIMIT $4

-- name: export_memories
-- A page of what was learned in a space until a moment as lines, oldest first, with its sources.
SELECT learned_at, memory_id, json_strip_nulls(json_build_object(
    'record', 'memory', 'id', memory_id, 'kind', kind, 'text', text, 'said_at', said_at, 'learned_at', learned_at,
    'superseded_at', superseded_at, 'superseded_by', superseded_by,
    'sources', (SELECT json_agg(json_build_object('message', message_id, 'quote', quote) ORDER BY message_id)
                FROM memory_source s WHERE s.space_id = $1 AND s.memory_id = m.memory_id)))::text AS line
FROM memory m
WHERE space_id = $1 AND (learned_at, memory_id) > ($2, $3) AND learned_at <= $4
ORDER BY learned_at, memory_id LIMIT $5

-- name: export_standing
-- Which of these ids are messages or memories of the space.
SELECT message_id AS id FROM message WHERE space_id = $1 AND message_id = ANY ($2::uuid[])
UNION ALL
SELECT memory_id FROM memory WHERE space_id = $1 AND memory_id = ANY ($2::uuid[])

-- name: export_add_conversations
-- Where imported talk stands, apart from the talk of the place, so that it is never taken for recent.
INSERT INTO conversation (space_id, conversation_id, platform, bot_id, chat_id, thread_id, chat_kind)
SELECT $1, conversation_id, $3, $4, $5, $6, $7 FROM unnest($2::uuid[]) AS conversation_id
ON CONFLICT DO NOTHING

-- name: export_add_messages
-- Messages in the order given; those that stand already stay as they are.
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

-- name: export_ask
-- Imported talk is to be made findable, and to be learned from where that was still to be done.
INSERT INTO work AS w (space_id, kind, subject_id, route)
SELECT $1, kind, conversation_id, $3 FROM unnest($2::uuid[]) AS conversation_id, unnest('{index,learn}'::text[]) AS kind
ON CONFLICT (space_id, kind, subject_id) DO UPDATE SET wakes = w.wakes + 1

-- name: forgetting_holding
-- Messages and memories of a space with a passage that holds all of these words, newest first.
SELECT DISTINCT ON (said_at, subject_id) subject_id, of_memory FROM passage
WHERE space_id = $1 AND words @> $2::integer[]
ORDER BY said_at DESC, subject_id LIMIT $3

-- name: forgetting_messages
SELECT message_id, role, author_name, text, sent_at, person_id FROM message
WHERE space_id = $1 AND message_id = ANY ($2::uuid[]) AND replaced_by IS NULL
ORDER BY sent_at DESC, position DESC

-- name: forgetting_everything
SELECT ARRAY(SELECT message_id FROM message WHERE space_id = $1) AS messages,
       ARRAY(SELECT memory_id FROM memory WHERE space_id = $1) AS memories

-- name: forgetting_fence
-- Turns that may have what is to be forgotten before them start anew, without it. A turn of a command or a button
-- calls no model; it may be the very one that forgets.
WITH again AS (
    UPDATE turn SET attempt = attempt + 1
    WHERE space_id = $1 AND state = 'running'
      AND EXISTS (SELECT FROM event e WHERE e.space_id = $1 AND e.turn_id = turn.turn_id AND e.kind IN ('message', 'edit'))
    RETURNING conversation_id
)
UPDATE work SET lease_until = NULL, holder = NULL, attempt = attempt + 1, wakes = wakes + 1, due_at = now()
FROM again WHERE space_id = $1 AND kind = 'turn' AND subject_id = again.conversation_id

-- name: forgetting_hold
-- Locks messages in all their forms: from here on nobody learns from them.
WITH RECURSIVE form AS (
    SELECT message_id, replaced_by FROM message WHERE space_id = $1 AND message_id = ANY ($2::uuid[])
    UNION
    SELECT m.message_id, m.replaced_by FROM form JOIN message m ON m.space_id = $1
        AND (m.replaced_by = form.message_id OR m.message_id = form.replaced_by)
)
SELECT message_id FROM message
WHERE space_id = $1 AND message_id IN (SELECT message_id FROM form) ORDER BY message_id FOR UPDATE

-- name: forgetting_doom
-- All that goes with these messages $2, in all their forms, and memories $3: what was learned from them, and Remi's
-- words that came of them. Those are the replies of turns that answered or cited them, and of turns that were shown
-- them or came later in the same talk, if they hold a word that stands nowhere else. Locked against the index.
WITH form AS (
    SELECT unnest($2::uuid[]) AS message_id
), learned AS (
    SELECT memory_id FROM memory WHERE space_id = $1 AND memory_id = ANY ($3::uuid[])
    UNION
    SELECT memory_id FROM memory_source WHERE space_id = $1 AND message_id IN (SELECT message_id FROM form)
), gone AS (
    SELECT message_id AS id FROM form UNION ALL SELECT memory_id FROM learned
), own_word AS (
    SELECT unnest(words) AS dimension FROM passage WHERE space_id = $1 AND subject_id IN (SELECT id FROM gone)
    EXCEPT
    SELECT unnest(words) FROM passage p
    WHERE space_id = $1 AND subject_id NOT IN (SELECT id FROM gone)
      AND (of_memory OR EXISTS (SELECT FROM message m WHERE m.space_id = $1 AND m.message_id = p.subject_id
                                AND m.role = 'person'))
), turned AS (
    SELECT turn_id FROM event WHERE space_id = $1 AND message_id IN (SELECT message_id FROM form)
    UNION
    SELECT turn_id FROM turn, jsonb_array_elements(recalled) AS line
    WHERE space_id = $1 AND (line ->> 'cited')::boolean
      AND coalesce(line ->> 'message', line ->> 'memory')::uuid IN (SELECT id FROM gone)
), shown AS (
    SELECT turn_id FROM turn, jsonb_array_elements(recalled) AS line
    WHERE space_id = $1 AND (line ->> 'shown')::boolean
      AND coalesce(line ->> 'message', line ->> 'memory')::uuid IN (SELECT id FROM gone)
), reply AS (
    SELECT message_id FROM message WHERE space_id = $1 AND role = 'remi' AND turn_id IN (SELECT turn_id FROM turned)
    UNION
    SELECT m.message_id FROM message m
    WHERE space_id = $1 AND role = 'remi'
      AND (turn_id IN (SELECT turn_id FROM shown)
           OR position > (SELECT min(said.position) FROM message said
                          WHERE said.space_id = $1 AND said.conversation_id = m.conversation_id
                            AND said.message_id IN (SELECT message_id FROM form)))
      AND (indexed_at IS NULL
           OR EXISTS (SELECT FROM passage p WHERE p.space_id = $1 AND p.subject_id = m.message_id
                      AND p.words && ARRAY(SELECT dimension FROM own_word)))
), doomed AS (
    SELECT message_id FROM message
    WHERE space_id = $1 AND message_id IN (SELECT message_id FROM form UNION SELECT message_id FROM reply)
    ORDER BY message_id FOR UPDATE
), doomed_memory AS (
    SELECT memory_id FROM memory WHERE space_id = $1 AND memory_id IN (SELECT memory_id FROM learned)
    ORDER BY memory_id FOR UPDATE
)
SELECT ARRAY(SELECT message_id FROM doomed) AS messages, ARRAY(SELECT memory_id FROM doomed_memory) AS memories

-- name: forgetting_unmake
-- Takes passages out of the index: those of $2 and $3, and those of messages so near that they share in them. The
-- latter are to be indexed anew.
WITH said AS (
    SELECT conversation_id, position FROM message WHERE space_id = $1 AND message_id = ANY ($2::uuid[])
), beside AS (
    SELECT DISTINCT m.message_id, m.conversation_id
    FROM said
    CROSS JOIN LATERAL (
        SELECT coalesce(min(position), said.position) AS position FROM (
            SELECT position FROM message m
            WHERE space_id = $1 AND m.conversation_id = said.conversation_id AND m.position < said.position
              AND replaced_by IS NULL AND message_id <> ALL ($2::uuid[])
            ORDER BY position DESC LIMIT $4) AS before
    ) AS first
    CROSS JOIN LATERAL (
        SELECT coalesce(max(position), said.position) AS position FROM (
            SELECT position FROM message m
            WHERE space_id = $1 AND m.conversation_id = said.conversation_id AND m.position > said.position
              AND replaced_by IS NULL AND message_id <> ALL ($2::uuid[])
            ORDER BY position LIMIT $4) AS after
    ) AS last
    JOIN message m ON m.space_id = $1 AND m.conversation_id = said.conversation_id
        AND m.position BETWEEN first.position AND last.position
    WHERE m.message_id <> ALL ($2::uuid[]) AND m.indexed_at IS NOT NULL
), gone AS (
    DELETE FROM passage
    WHERE space_id = $1 AND subject_id IN (
        SELECT message_id FROM beside UNION ALL SELECT unnest($2::uuid[]) UNION ALL SELECT unnest($3::uuid[]))
    RETURNING words
), counted AS (
    UPDATE space_statistics SET passages = passages - (SELECT count(*) FROM gone) WHERE space_id = $1
    RETURNING space_id
), lost AS (
    SELECT counted.space_id, dimension, count(*) AS passages FROM counted, gone, unnest(words) AS dimension
    GROUP BY counted.space_id, dimension
), fewer AS (
    UPDATE term SET passages = term.passages - lost.passages FROM lost
    WHERE term.space_id = $1 AND term.dimension = lost.dimension
), waiting AS (
    UPDATE message SET indexed_at = NULL WHERE space_id = $1 AND message_id IN (SELECT message_id FROM beside)
)
INSERT INTO work AS w (space_id, kind, subject_id, route)
SELECT DISTINCT $1::uuid, 'index', beside.conversation_id, coalesce(c.platform || ':' || c.bot_id, '')
FROM beside LEFT JOIN conversation c ON c.space_id = $1 AND c.conversation_id = beside.conversation_id
ON CONFLICT (space_id, kind, subject_id) DO UPDATE SET wakes = w.wakes + 1, due_at = least(w.due_at, now())

-- name: forgetting_prune
DELETE FROM term WHERE space_id = $1 AND passages <= 0

-- name: forgetting_empty_events
-- What was accepted of these messages is answered no more, and keeps no text.
UPDATE event e SET body = '{}',
    kind = CASE WHEN is_open THEN 'record' ELSE kind END,
    turn_id = CASE WHEN is_open THEN NULL ELSE e.turn_id END
FROM (
    SELECT event_key, e.turn_id IS NULL OR t.state = 'running' AS is_open
    FROM event e LEFT JOIN turn t ON t.space_id = e.space_id AND t.turn_id = e.turn_id
    WHERE e.space_id = $1 AND e.message_id = ANY ($2::uuid[])
) AS taken
WHERE e.space_id = $1 AND e.event_key = taken.event_key

-- name: forgetting_stop_turns
-- A turn that has nothing left to answer ends.
UPDATE turn SET state = 'stopped', finished_at = now()
WHERE space_id = $1 AND state = 'running'
  AND NOT EXISTS (SELECT FROM event e WHERE e.space_id = $1 AND e.turn_id = turn.turn_id)

-- name: forgetting_pending
-- Texts on their way that are no messages: commands' answers, exports.
SELECT delivery_id, text, file_content FROM delivery
WHERE space_id = $1 AND state = 'pending' AND message_id IS NULL

-- name: forgetting_erase
-- The rows themselves, and all that hangs on them; $4 deliveries that are not to be sent.
WITH unsent AS (
    DELETE FROM delivery
    WHERE space_id = $1 AND state = 'pending'
      AND (delivery_id = ANY ($4::uuid[]) OR message_id = ANY ($2::uuid[]))
    RETURNING delivery_id
), unsent_work AS (
    DELETE FROM work WHERE space_id = $1 AND kind = 'deliver' AND subject_id IN (SELECT delivery_id FROM unsent)
), unlinked AS (
    UPDATE receipt SET message_id = NULL WHERE space_id = $1 AND message_id = ANY ($2::uuid[])
), offered AS (
    DELETE FROM action
    WHERE space_id = $1 AND EXISTS (
        SELECT FROM unnest($2::uuid[] || $3::uuid[]) AS id WHERE position(id::text IN arguments::text) > 0)
), sources AS (
    DELETE FROM memory_source WHERE space_id = $1 AND (memory_id = ANY ($3::uuid[]) OR message_id = ANY ($2::uuid[]))
), successors AS (
    UPDATE memory SET superseded_by = NULL
    WHERE space_id = $1 AND superseded_by = ANY ($3::uuid[]) AND memory_id <> ALL ($3::uuid[])
), learned AS (
    DELETE FROM memory WHERE space_id = $1 AND memory_id = ANY ($3::uuid[])
)
DELETE FROM message WHERE space_id = $1 AND message_id = ANY ($2::uuid[])

-- name: forgetting_texts
SELECT text FROM message WHERE space_id = $1 AND message_id = ANY ($2::uuid[])
UNION ALL
SELECT text FROM memory WHERE space_id = $1 AND memory_id = ANY ($3::uuid[])

-- name: inbox_accept
-- Commits one event, once: its key, its message, its place in the inbox. Takes the conversation for a new turn
-- when nobody works on it and nothing waits in it. What continues ($27) waits a moment for its next part instead.
-- No row: the directory changed, or the key is known.
WITH known AS (
    SELECT FROM identity JOIN person USING (person_id)
    WHERE platform = $1 AND user_id = $2 AND person_id = $3 AND role = $4
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
), queue AS (
    INSERT INTO work AS w (space_id, kind, subject_id, route, due_at, lease_until, attempt, holder)
    SELECT $7, 'turn', $8, $15, now() + CASE WHEN $27 THEN interval '3 seconds' ELSE interval '0' END,
           CASE WHEN NOT $27 THEN now() + $16::interval END, 1, CASE WHEN NOT $27 THEN $17::uuid END
    FROM keyed WHERE $18 <> 'record'
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
                         sent_at, reply_to)
    SELECT $7, $19, $8, 'person', $3, $20, $21, $22, $23,
           (SELECT message_id FROM receipt
            WHERE space_id = $7 AND conversation_id = $8 AND platform_message_id = $24)
    FROM keyed WHERE $19::uuid IS NOT NULL
), standing AS (
    INSERT INTO receipt (space_id, conversation_id, platform_message_id, message_id)
    SELECT $7, $8, $13, $19 FROM keyed WHERE $19::uuid IS NOT NULL AND $13 <> ''
    ON CONFLICT (space_id, conversation_id, platform_message_id) DO UPDATE SET message_id = excluded.message_id
), turned AS (
    INSERT INTO turn (space_id, turn_id, conversation_id, person_id, state, attempt, asked_at)
    SELECT $7, $17, $8, $3, 'running', taken.attempt, $23 FROM taken
), inbox AS (
    INSERT INTO event (space_id, event_key, conversation_id, kind, person_id, author, body, message_id, sent_at,
                       turn_id)
    SELECT $7, $5, $8, $18, $3, $25, $26, $19, $23, (SELECT $17 FROM taken)
    FROM keyed LEFT JOIN queue ON true
)
SELECT queue.attempt, queue.wakes, coalesce(queue.is_ours, false) AS is_ours,
       EXISTS (SELECT FROM taken) AS is_taken,
       EXISTS (SELECT FROM person JOIN usage USING (person_id)
               WHERE person_id = $3 AND day = (now() AT TIME ZONE 'UTC')::date
                 AND turns_a_day > 0 AND turns >= turns_a_day) AS is_over_limit
FROM keyed LEFT JOIN queue ON true

-- name: inbox_keep
-- A message that somebody replied to, kept once; its author is known by now.
WITH said AS (
    INSERT INTO message (space_id, message_id, conversation_id, role, person_id, author_name, text, sent_at)
    SELECT $1, $3, $2, 'person', person_id, $6, $7, $8 FROM identity
    WHERE platform = $4 AND user_id = $5
      AND NOT EXISTS (SELECT FROM receipt
                      WHERE space_id = $1 AND conversation_id = $2 AND platform_message_id = $9)
    RETURNING message_id
)
INSERT INTO receipt (space_id, conversation_id, platform_message_id, message_id)
SELECT $1, $2, $9, message_id FROM said
ON CONFLICT DO NOTHING

-- name: inbox_reuse
-- What stands under a key: its body's digest.
SELECT digest FROM event_key WHERE key = $1

-- name: inbox_follow
-- What became of an accepted event: its turn, and whether it is the newest the turn answers.
SELECT e.turn_id, t.state,
       e.position = (SELECT max(position) FROM event WHERE space_id = $1 AND turn_id = e.turn_id) AS is_newest
FROM event e LEFT JOIN turn t ON t.space_id = e.space_id AND t.turn_id = e.turn_id
WHERE e.space_id = $1 AND e.event_key = $2

-- name: inbox_hold
-- Edits of a conversation are taken one at a time.
SELECT FROM conversation WHERE space_id = $1 AND conversation_id = $2 FOR UPDATE

-- name: inbox_replace
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
)
SELECT old.message_id, (SELECT turn_id FROM answered LIMIT 1) AS turn_id FROM old

-- name: inbox_stop
-- Ends the running turn of a conversation (or, given an id, only that one): nothing it does counts any more.
UPDATE turn SET state = 'stopped', finished_at = now()
WHERE space_id = $1 AND conversation_id = $2 AND state = 'running' AND ($3::uuid IS NULL OR turn_id = $3)
RETURNING turn_id

-- name: inbox_reopen
-- What a stopped turn had taken waits again, but for one message.
UPDATE event SET turn_id = NULL WHERE space_id = $1 AND turn_id = $2 AND message_id IS DISTINCT FROM $3

-- name: inbox_note
-- Uses a key for an event that has no place in the inbox; no row if it was used before.
INSERT INTO event_key (key, digest) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING true

-- name: inbox_kept
-- Our ids of platform messages, of those that are kept in a conversation.
SELECT r.message_id FROM receipt r JOIN message m USING (space_id, message_id)
WHERE r.space_id = $1 AND r.conversation_id = $2 AND r.platform_message_id = ANY ($3::text[])

-- name: inbox_free
-- Whoever held the conversation holds it no more; what waits in it is due now.
UPDATE work SET lease_until = NULL, holder = NULL, due_at = now(), wakes = wakes + 1
WHERE space_id = $1 AND kind = 'turn' AND subject_id = $2

-- name: inbox_resume
-- The turn that a lost worker or a silent model left running, fenced anew under this attempt. Talk that came in
-- meanwhile joins it, if it is talk itself.
WITH again AS (
    UPDATE turn SET attempt = $3, tries = tries + 1
    WHERE space_id = $1 AND conversation_id = $2 AND state = 'running'
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

-- name: inbox_take
-- A new turn of everything that waits: messages and edits together up to the next command, a command alone.
WITH waiting AS (
    SELECT event_key, position, kind IN ('message', 'edit') AS is_talk, person_id, sent_at FROM event
    WHERE space_id = $1 AND conversation_id = $2 AND turn_id IS NULL AND kind <> 'record'
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

-- name: inbox_events
-- What a turn answers, oldest first, and where.
SELECT e.event_key, e.kind, e.person_id, e.author, e.body, e.message_id, e.sent_at,
       m.text, m.attachments,
       r.platform_message_id, c.platform, c.bot_id, c.chat_id, c.thread_id, c.chat_kind
FROM event e
JOIN conversation c ON c.space_id = e.space_id AND c.conversation_id = e.conversation_id
LEFT JOIN message m ON m.space_id = e.space_id AND m.message_id = e.message_id
LEFT JOIN receipt r ON r.space_id = e.space_id AND r.message_id = e.message_id AND r.part = 0
WHERE e.space_id = $1 AND e.turn_id = $2
ORDER BY e.position

-- name: memories_insert
-- A new memory, from those of its quotes that really stand in messages of people. Without any it isn't made. The
-- messages are held, so that none can be forgotten meanwhile.
WITH standing AS (
    SELECT m.message_id, claimed.quote, m.sent_at
    FROM unnest($6::uuid[], $7::text[]) AS claimed (message_id, quote)
    JOIN message m ON m.space_id = $1 AND m.message_id = claimed.message_id
    WHERE m.role = 'person' AND claimed.quote <> '' AND position(claimed.quote IN m.text) > 0
    FOR KEY SHARE OF m
), made AS (
    INSERT INTO memory (space_id, memory_id, kind, text, learned_at, said_at)
    SELECT $1, $2, $3, $4, $5, coalesce($8, max(sent_at)) FROM standing HAVING count(*) > 0
    RETURNING memory_id
)
INSERT INTO memory_source (space_id, memory_id, message_id, quote)
SELECT $1, memory_id, message_id, quote FROM made, standing
ON CONFLICT DO NOTHING
RETURNING message_id

-- name: memories_confirm
-- What is said again is not learned again: the memory gets further sources.
WITH known AS (
    SELECT memory_id FROM memory
    WHERE space_id = $1 AND kind = $2 AND text = $3 AND superseded_at IS NULL LIMIT 1
), standing AS (
    SELECT m.message_id, claimed.quote
    FROM unnest($4::uuid[], $5::text[]) AS claimed (message_id, quote)
    JOIN message m ON m.space_id = $1 AND m.message_id = claimed.message_id
    WHERE m.role = 'person' AND claimed.quote <> '' AND position(claimed.quote IN m.text) > 0
    FOR KEY SHARE OF m
), sourced AS (
    INSERT INTO memory_source (space_id, memory_id, message_id, quote)
    SELECT $1, memory_id, message_id, quote FROM known, standing
    ON CONFLICT DO NOTHING
)
SELECT memory_id FROM known

-- name: memories_select
-- Memories with their sources, oldest source first.
SELECT space_id, memory_id, kind, text, learned_at, superseded_at, superseded_by, (
    SELECT jsonb_agg(jsonb_build_object('message_id', s.message_id, 'quote', s.quote, 'sent_at', m.sent_at,
                                        'author_name', m.author_name) ORDER BY m.sent_at, m.position)
    FROM memory_source s JOIN message m ON m.space_id = s.space_id AND m.message_id = s.message_id
    WHERE s.space_id = memory.space_id AND s.memory_id = memory.memory_id
) AS sources
FROM memory WHERE space_id = ANY ($1::uuid[]) AND

-- name: memories_supersede
-- The old memory ends; it ranks lower from now on.
WITH ended AS (
    UPDATE memory SET superseded_at = $3, superseded_by = $4
    WHERE space_id = $1 AND memory_id = $2 AND superseded_at IS NULL
    RETURNING memory_id
), lowered AS (
    UPDATE passage SET prior = prior - $5 FROM ended WHERE space_id = $1 AND subject_id = ended.memory_id
)
SELECT memory_id FROM ended

-- name: memories_unlearned
-- What of a conversation was not learned from yet, oldest first: $3 messages at most, of $4 bytes.
SELECT message_id, role, author_name, text, sent_at FROM (
    SELECT *, sum(octet_length(text)) OVER (ORDER BY position) - octet_length(text) AS before
    FROM (SELECT message_id, role, author_name, left(text, 4000) AS text, sent_at, position FROM message
          WHERE space_id = $1 AND conversation_id = $2 AND learned_at IS NULL AND replaced_by IS NULL
          ORDER BY position LIMIT $3) AS said
) AS waiting
WHERE before < $4
ORDER BY position

-- name: memories_mark_learned
-- Returns those that nobody else has learned from meanwhile.
UPDATE message SET learned_at = now()
WHERE space_id = $1 AND message_id = ANY ($2::uuid[]) AND learned_at IS NULL
RETURNING message_id

-- name: outbox_read
-- A delivery and where it goes.
SELECT d.delivery_id, d.turn_id, coalesce(m.text, d.text) AS text, d.buttons, d.reply_to, d.replaces, d.file_name,
       d.file_content, d.sent, d.state, c.platform, c.bot_id, c.chat_id, c.thread_id, c.chat_kind
FROM delivery d
JOIN conversation c ON c.space_id = d.space_id AND c.conversation_id = d.conversation_id
LEFT JOIN message m ON m.space_id = d.space_id AND m.message_id = d.message_id
WHERE d.space_id = $1 AND d.delivery_id = $2

-- name: outbox_of_turn
-- The delivery that carries a turn's outcome.
SELECT delivery_id FROM delivery WHERE space_id = $1 AND turn_id = $2 ORDER BY created_at DESC LIMIT 1

-- name: outbox_settle
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
), gone AS (
    DELETE FROM work WHERE space_id = $1 AND kind = 'deliver' AND subject_id = $2 AND EXISTS (SELECT FROM settled)
)
SELECT true FROM settled

-- name: outbox_release
-- No live Converse carries it any more.
UPDATE work SET lease_until = NULL WHERE space_id = $1 AND kind = 'deliver' AND subject_id = $2

-- name: outbox_later
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

-- name: passages_unindexed
-- What waits in a conversation, and of its space's memories: at most $4 of each, of $6 bytes.
SELECT subject_id FROM (
    SELECT message_id AS subject_id, sum(octet_length(text)) OVER (ORDER BY position) - octet_length(text) AS before
    FROM (SELECT message_id, text, position FROM message
          WHERE space_id = $1 AND conversation_id = $5 AND indexed_at IS NULL ORDER BY position LIMIT $4) AS said
) AS waiting
WHERE before < $6
UNION ALL
(SELECT memory_id FROM memory WHERE space_id = $1 AND indexed_at IS NULL LIMIT $4)

-- name: passages_stale
-- Subjects with passages whose vectors another model made, or none: at most $4.
SELECT DISTINCT subject_id FROM passage
WHERE space_id = $1 AND model <> $2
  AND NOT EXISTS (SELECT FROM space_statistics WHERE space_id = $1 AND model = $2)
LIMIT $4

-- name: passages_settle
-- All vectors of a space are by this model now.
UPDATE space_statistics SET model = $2
WHERE space_id = $1 AND model <> $2 AND NOT EXISTS (SELECT FROM passage WHERE space_id = $1 AND model <> $2)

-- name: passages_write
-- Passages of subjects that have none yet, and new vectors and terms of others; nothing at all if one of the
-- subjects $2, which the passages rest on, is gone. $3 the model; then a row a passage. A subject that somebody
-- else has indexed meanwhile only has its passages renewed.
WITH held AS (
    SELECT message_id FROM message WHERE space_id = $1 AND message_id = ANY ($2::uuid[]) ORDER BY message_id FOR UPDATE
), kept AS (
    SELECT memory_id FROM memory WHERE space_id = $1 AND memory_id = ANY ($2::uuid[]) ORDER BY memory_id FOR UPDATE
), whole AS MATERIALIZED (
    SELECT (SELECT count(*) FROM held) + (SELECT count(*) FROM kept) = cardinality($2::uuid[]) AS is_whole
), marked AS (
    UPDATE message SET indexed_at = now() FROM whole
    WHERE is_whole AND space_id = $1 AND message_id = ANY ($4::uuid[]) AND indexed_at IS NULL
    RETURNING message_id AS subject_id
), marked_memory AS (
    UPDATE memory SET indexed_at = now() FROM whole
    WHERE is_whole AND space_id = $1 AND memory_id = ANY ($4::uuid[]) AND indexed_at IS NULL
    RETURNING memory_id AS subject_id
), done AS (
    SELECT subject_id FROM marked UNION ALL SELECT subject_id FROM marked_memory
), piece AS MATERIALIZED (
    SELECT * FROM unnest(
        $5::uuid[], $6::integer[], $7::boolean[], $8::integer[], $9::integer[], $10::timestamptz[], $11::text[],
        $12::real[], $13::halfvec[], $14::halfvec[], $15::sparsevec[], $16::text[]
    ) AS piece (subject_id, ordinal, of_memory, starts, ends, said_at, author, prior, own, embedding, terms, words)
), made AS (
    INSERT INTO passage (space_id, subject_id, ordinal, of_memory, starts, ends, said_at, author, prior, model, own,
                         embedding, terms, words)
    SELECT $1, subject_id, ordinal, of_memory, starts, ends, said_at, author::integer[], prior,
           CASE WHEN own IS NULL THEN '' ELSE $3 END, own, embedding, terms, words::integer[]
    FROM piece JOIN done USING (subject_id)
    RETURNING words, model
), counted AS (
    INSERT INTO space_statistics AS s (space_id, passages, model)
    SELECT $1, count(*), CASE WHEN bool_and(model = $3) THEN $3 ELSE '' END FROM made HAVING count(*) > 0
    ON CONFLICT (space_id) DO UPDATE SET passages = s.passages + excluded.passages,
                                         model = CASE WHEN s.model = excluded.model THEN s.model ELSE '' END
    RETURNING space_id
), spread AS (
    -- In order, and after the row above: so two writers of one space can't wait for each other.
    INSERT INTO term AS t (space_id, dimension, passages)
    SELECT counted.space_id, dimension, count(*) FROM counted, made, unnest(words) AS dimension
    GROUP BY counted.space_id, dimension ORDER BY dimension
    ON CONFLICT (space_id, dimension) DO UPDATE SET passages = t.passages + excluded.passages
), renewed AS (
    UPDATE passage SET terms = piece.terms,
                       embedding = coalesce(piece.embedding, passage.embedding),
                       own = coalesce(piece.own, passage.own),
                       model = CASE WHEN piece.own IS NULL THEN passage.model ELSE $3 END
    FROM piece, whole
    WHERE is_whole AND passage.space_id = $1 AND passage.subject_id = ANY ($5::uuid[])
      AND passage.subject_id = piece.subject_id
      AND passage.ordinal = piece.ordinal
), unasked AS (
    -- Nothing is left for the worker, unless the space has grown large or has vectors of another model.
    DELETE FROM work USING whole
    WHERE is_whole AND work.space_id = $1 AND kind = 'index' AND subject_id = $17 AND lease_until IS NULL
      AND NOT EXISTS (SELECT FROM space_statistics
                      WHERE space_statistics.space_id = $1 AND (model <> $3 OR passages > $18))
      AND NOT EXISTS (SELECT FROM message
                      WHERE message.space_id = $1 AND conversation_id = $17 AND indexed_at IS NULL
                        AND message_id <> ALL ($4::uuid[]))
)
SELECT is_whole, (SELECT count(*) FROM done) AS done FROM whole

-- name: passages_promote
-- Moves passages of a space that has grown beyond $3 into the HNSW tier, $2 at a time.
WITH moved AS (
    UPDATE passage SET large = true
    WHERE space_id = $1 AND (subject_id, ordinal) IN (
        SELECT subject_id, ordinal FROM passage
        WHERE space_id = $1 AND NOT large AND vector_dims(embedding) = ANY ($4::integer[])
          AND (SELECT passages FROM space_statistics WHERE space_id = $1) > $3
        LIMIT $2)
    RETURNING true
), noted AS (
    UPDATE space_statistics SET promoted = true
    WHERE space_id = $1 AND NOT promoted AND EXISTS (SELECT FROM moved)
)
SELECT count(*) FROM moved

-- name: traces_of_message
-- The answered turn behind a platform message: the one that sent it, or the one that answered it.
SELECT t.turn_id
FROM receipt r
LEFT JOIN event e ON e.space_id = r.space_id AND e.message_id = r.message_id
JOIN turn t ON t.space_id = r.space_id AND t.turn_id = coalesce(r.turn_id, e.turn_id)
WHERE r.space_id = $1 AND r.conversation_id = $2 AND r.platform_message_id = $3
  AND t.state = 'done' AND t.model <> ''
LIMIT 1

-- name: traces_newest
-- The last turn of a conversation that a model, or the offline responder, answered.
SELECT turn_id FROM turn
WHERE space_id = $1 AND conversation_id = $2 AND state = 'done' AND model <> ''
ORDER BY started_at DESC LIMIT 1

-- name: traces_read
SELECT asked_at, finished_at, recalled, model, prompt_tokens, completion_tokens FROM turn
WHERE space_id = $1 AND turn_id = $2 AND state = 'done' AND model <> ''

-- name: traces_passages
-- What references to messages name, of those that still stand. One row a reference, by its number.
SELECT ref.number, m.role, m.author_name, m.sent_at AS said_at, m.replaced_by IS NOT NULL AS superseded,
       substring(m.text FROM ref.starts + 1 FOR ref.ends - ref.starts) AS text
FROM unnest($2::uuid[], $3::uuid[], $4::int[], $5::int[]) WITH ORDINALITY
     AS ref (space_id, message_id, starts, ends, number)
JOIN message m ON m.space_id = ref.space_id AND m.message_id = ref.message_id
WHERE m.space_id = ANY ($1::uuid[])

-- name: traces_memories
-- The memories among these ids that still stand.
SELECT memory_id, text, said_at, superseded_at IS NOT NULL AS superseded FROM memory
WHERE space_id = ANY ($1::uuid[]) AND memory_id = ANY ($2::uuid[])

-- name: traces_sources
-- The messages that memories came from, oldest first.
SELECT s.memory_id, s.message_id, s.quote, m.sent_at, m.author_name
FROM memory_source s JOIN message m USING (space_id, message_id)
WHERE s.space_id = ANY ($1::uuid[]) AND s.memory_id = ANY ($2::uuid[])
ORDER BY m.sent_at, m.position

-- name: turns_finish
-- The whole outcome of a turn at once, if its attempt still counts: its state, trace and cost, the reply, its
-- delivery (leased when a live Converse carries it), and what is to be indexed and learned. Frees the conversation unless
-- more came in. No row: the turn was fenced or stopped, and nothing is written.
WITH done AS (
    UPDATE turn SET state = $4, finished_at = now(), recalled = $5, model = $6, prompt_tokens = $7,
                    completion_tokens = $8
    WHERE space_id = $1 AND turn_id = $2 AND attempt = $3 AND state = 'running'
    RETURNING turn_id, conversation_id
), metered AS (
    INSERT INTO usage AS u (person_id, day, turns, prompt_tokens, completion_tokens)
    SELECT $22, (now() AT TIME ZONE 'UTC')::date, 1, $7, $8 FROM done
    ON CONFLICT (person_id, day) DO UPDATE SET
        turns = u.turns + 1,
        prompt_tokens = u.prompt_tokens + excluded.prompt_tokens,
        completion_tokens = u.completion_tokens + excluded.completion_tokens
), said AS (
    INSERT INTO message (space_id, message_id, conversation_id, role, author_name, text, sent_at, turn_id)
    SELECT $1, $9, conversation_id, 'remi', 'Remi', $10, $11, turn_id FROM done WHERE $9::uuid IS NOT NULL
), replaced AS (
    UPDATE message SET replaced_by = $9
    FROM done WHERE message.space_id = $1 AND message.turn_id = $12 AND role = 'remi'
), sending AS (
    INSERT INTO delivery (space_id, delivery_id, conversation_id, turn_id, message_id, text, buttons, reply_to,
                          replaces, file_name, file_content)
    SELECT $1, $13, conversation_id, turn_id, $9, CASE WHEN $9::uuid IS NULL THEN $10 ELSE '' END, $14, $15,
           ARRAY(SELECT platform_message_id FROM receipt WHERE space_id = $1 AND turn_id = $12 ORDER BY part),
           $16, $17
    FROM done WHERE $13::uuid IS NOT NULL
    RETURNING replaces
), carried AS (
    INSERT INTO work (space_id, kind, subject_id, route, lease_until)
    SELECT $1, 'deliver', $13, $18, now() + $19 FROM done WHERE $13::uuid IS NOT NULL
), answered AS (
    UPDATE event SET body = '{}' FROM done WHERE event.space_id = $1 AND event.turn_id = done.turn_id
), asked AS (
    INSERT INTO work AS w (space_id, kind, subject_id, route, due_at)
    SELECT $1, kind, conversation_id, $18, now() + interval '5 seconds' FROM done, unnest($20::text[]) AS kind
    ON CONFLICT (space_id, kind, subject_id) DO UPDATE SET wakes = w.wakes + 1
), freed AS (
    DELETE FROM work USING done
    WHERE work.space_id = $1 AND work.kind = 'turn' AND subject_id = done.conversation_id AND wakes = $21
      AND NOT EXISTS (SELECT FROM event
                      WHERE event.space_id = $1 AND event.conversation_id = done.conversation_id
                        AND event.turn_id IS NULL AND event.kind <> 'record')
    RETURNING true
)
SELECT NOT EXISTS (SELECT FROM freed) AS has_more,
       coalesce((SELECT replaces FROM sending), '{}') AS replaces
FROM done

-- name: turns_tell
-- A word to the person while the turn still runs: a delivery that is no reply. No row: the turn was fenced.
WITH still AS (
    SELECT conversation_id FROM turn
    WHERE space_id = $1 AND turn_id = $2 AND attempt = $3 AND state = 'running' FOR UPDATE
), sending AS (
    INSERT INTO delivery (space_id, delivery_id, conversation_id, turn_id, text)
    SELECT $1, $4, conversation_id, $2, $5 FROM still
), carried AS (
    INSERT INTO work (space_id, kind, subject_id, route, lease_until)
    SELECT $1, 'deliver', $4, $6, now() + $7 FROM still
)
SELECT true FROM still

-- name: turns_note
-- The outcome of an event that passes the queue, such as /stop: a turn done at once, and its delivery.
WITH turned AS (
    INSERT INTO turn (space_id, turn_id, conversation_id, person_id, state, attempt, finished_at, asked_at)
    VALUES ($1, $2, $3, $4, 'done', 0, now(), $5)
), sending AS (
    INSERT INTO delivery (space_id, delivery_id, conversation_id, turn_id, text) VALUES ($1, $6, $3, $2, $7)
)
INSERT INTO work (space_id, kind, subject_id, route, lease_until) VALUES ($1, 'deliver', $6, $8, now() + $9)

-- name: turns_answers
-- Which turn an event came to that was in nobody's queue.
UPDATE event SET turn_id = $3 WHERE space_id = $1 AND event_key = $2

-- name: work_claim
-- Leases up to $4 due rows of a kind (and, given one, a route). A row is held by one worker at a time.
UPDATE work SET lease_until = now() + $3, attempt = attempt + 1, holder = $5
WHERE (space_id, kind, subject_id) IN (
    SELECT space_id, kind, subject_id FROM work
    WHERE kind = $1 AND ($2::text IS NULL OR route = $2)
      AND due_at <= now() AND (lease_until IS NULL OR lease_until < now())
    ORDER BY due_at LIMIT $4
) AND (lease_until IS NULL OR lease_until < now())
RETURNING space_id, subject_id, route, attempt, wakes

-- name: work_reclaim
-- One row again, if it is still this holder's or nobody's; no row otherwise.
UPDATE work SET lease_until = now() + $4, attempt = attempt + 1, holder = $5
WHERE space_id = $1 AND kind = $2 AND subject_id = $3
  AND (holder = $5 OR lease_until IS NULL OR lease_until < now())
RETURNING attempt, wakes

-- name: work_renew
-- Keeps what this worker still holds.
UPDATE work SET lease_until = now() + $4
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS held (space_id, subject_id, holder)
WHERE work.space_id = held.space_id AND work.kind = 'turn' AND work.subject_id = held.subject_id
  AND work.holder = held.holder

-- name: work_ask
-- Something is to be done; if it is asked for already, its row says so once more.
INSERT INTO work AS w (space_id, kind, subject_id, route, due_at) VALUES ($1, $2, $3, $4, now() + $5)
ON CONFLICT (space_id, kind, subject_id) DO UPDATE SET wakes = w.wakes + 1

-- name: work_done
-- The row goes, unless it was asked for again since it was claimed.
DELETE FROM work WHERE space_id = $1 AND kind = $2 AND subject_id = $3 AND wakes = $4 RETURNING true

-- name: work_put_back
-- Not done: due again after a while.
UPDATE work SET lease_until = NULL, holder = NULL, due_at = now() + $4
WHERE space_id = $1 AND kind = $2 AND subject_id = $3
