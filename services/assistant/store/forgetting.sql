-- name: holding
-- Messages and memories that hold all of these words $2, in one passage or in several, said until $3 and, given one, by
-- this person $4 alone, and messages $6; newest first, and how many there are in all.
WITH holding AS (
    SELECT max(said_at) AS said_at, subject_id, of_memory
    FROM passage p CROSS JOIN LATERAL (
        SELECT word FROM unnest($2::integer[]) AS word WHERE word = ANY (p.words)) AS held
    WHERE space_id = $1 AND words && $2::integer[] AND said_at <= $3
    GROUP BY subject_id, of_memory HAVING count(DISTINCT word) = cardinality($2::integer[])
), found AS (
    SELECT sent_at AS said_at, message_id AS subject_id, false AS of_memory FROM message m
    WHERE space_id = $1 AND message_id = ANY ($6::uuid[]) AND sent_at <= $3
      AND ($4::uuid IS NULL OR $4 = coalesce(m.person_id, (
          SELECT t.person_id FROM turn t WHERE t.space_id = $1 AND t.turn_id = m.turn_id)))
    UNION
    SELECT said_at, subject_id, of_memory FROM holding
    WHERE CASE WHEN of_memory THEN $4::uuid IS NULL OR NOT EXISTS (
                   SELECT FROM memory_source s JOIN message m USING (space_id, message_id)
                   WHERE s.space_id = $1 AND s.memory_id = holding.subject_id AND m.person_id IS DISTINCT FROM $4)
               ELSE EXISTS (
                   SELECT FROM message m
                   WHERE m.space_id = $1 AND m.message_id = holding.subject_id AND m.replaced_by IS NULL
                     AND ($4 IS NULL OR $4 = coalesce(m.person_id, (
                         SELECT t.person_id FROM turn t WHERE t.space_id = $1 AND t.turn_id = m.turn_id)))) END
)
SELECT subject_id, of_memory, count(*) FILTER (WHERE NOT of_memory) OVER ()::int AS messages,
       count(*) FILTER (WHERE of_memory) OVER ()::int AS memories
FROM found ORDER BY said_at DESC, subject_id LIMIT $5

-- name: said_in
-- Messages that were said from one of $2 until the one of $3 beside it and, given one, by this person $4 or in answer to
-- them; newest first, and how many there are in all. Of the forms of a message only the newest that was said then. What
-- was learned from them goes with them.
SELECT message_id AS subject_id, false AS of_memory, count(*) OVER ()::int AS messages, 0 AS memories
FROM message m
WHERE space_id = $1 AND EXISTS (
    SELECT FROM unnest($2::timestamptz[], $3::timestamptz[]) AS stretch (since, until)
    WHERE m.sent_at >= since AND m.sent_at < until)
  AND NOT EXISTS (
    SELECT FROM message newer, unnest($2::timestamptz[], $3::timestamptz[]) AS stretch (since, until)
    WHERE newer.space_id = $1 AND newer.message_id = m.replaced_by AND newer.sent_at >= since AND newer.sent_at < until)
  AND ($4::uuid IS NULL OR $4 = coalesce(m.person_id, (
      SELECT t.person_id FROM turn t WHERE t.space_id = $1 AND t.turn_id = m.turn_id)))
ORDER BY sent_at DESC, message_id LIMIT $5

-- name: outside
-- What is in no index: what edits replaced, what waits to be indexed.
SELECT message_id, text FROM message WHERE space_id = $1 AND (replaced_by IS NOT NULL OR indexed_at IS NULL)

-- name: count
SELECT (SELECT count(*) FROM message WHERE space_id = $1 AND replaced_by IS NULL)::int AS messages,
       (SELECT count(*) FROM memory WHERE space_id = $1)::int AS memories,
       (SELECT count(*) FROM reminder WHERE space_id = $1 AND next_due IS NOT NULL)::int AS reminders

-- name: lock
-- Taken before any row and held until the transaction ends: one forgetting of a space comes after the other, and after
-- what `write` and `mark` do there. By way of a table, so that it is taken on the node where the space's rows are.
SELECT pg_advisory_xact_lock(uuid_hash_extended($1::uuid, 0))
FROM (SELECT count(*) FROM space_statistics WHERE space_id = $1) AS there

-- name: wipe
-- Everything of a space but the turn $2, if it is one. Where messages stood stays known, by the platform's ids, so that
-- none of them is taken for new. Turns that run find themselves gone. What went is noted, as by `note`, in pieces of
-- $3 messages, memories and keys at most.
WITH events AS (
    DELETE FROM event WHERE space_id = $1 AND ($2::uuid IS NULL OR turn_id IS DISTINCT FROM $2)
), turns AS (
    DELETE FROM turn WHERE space_id = $1 AND turn_id IS DISTINCT FROM $2
), receipts AS (
    UPDATE receipt SET message_id = NULL WHERE space_id = $1 AND message_id IS NOT NULL
), deliveries AS (
    DELETE FROM delivery WHERE space_id = $1
), undelivered_ AS (
    DELETE FROM undelivered WHERE space_id = $1
), repeated AS (
    DELETE FROM sent_again WHERE space_id = $1
), offered AS (
    DELETE FROM action WHERE space_id = $1
), reminders AS (
    DELETE FROM reminder WHERE space_id = $1
), times AS (
    DELETE FROM occurrence WHERE space_id = $1
), waiting AS (
    DELETE FROM work WHERE space_id = $1 AND kind IN ('deliver', 'remind', 'index', 'learn', 'retry')
), sources AS (
    DELETE FROM memory_source WHERE space_id = $1
), indexed AS (
    DELETE FROM passage WHERE space_id = $1
), listed AS (
    DELETE FROM posting WHERE space_id = $1
), terms AS (
    DELETE FROM term WHERE space_id = $1
), counted AS (
    DELETE FROM space_statistics WHERE space_id = $1
), said AS (
    DELETE FROM message WHERE space_id = $1 RETURNING message_id, conversation_id, position
), learned AS (
    DELETE FROM memory WHERE space_id = $1 RETURNING memory_id
), gone AS (
    SELECT row_number() OVER (ORDER BY conversation_id, position) AS number,
           message_id, NULL::uuid AS memory_id, NULL AS key, NULL::bytea AS digest FROM said
    UNION ALL
    SELECT row_number() OVER (ORDER BY memory_id), NULL, memory_id, NULL, NULL FROM learned
    UNION ALL
    SELECT row_number() OVER (ORDER BY e.position), NULL, NULL, k.key, k.digest
    FROM event e JOIN event_key k ON k.key = e.event_key
    WHERE e.space_id = $1 AND e.message_id IS NOT NULL
)
INSERT INTO forgetting (space_id, forgetting_id, messages, memories, keys, digests)
SELECT $1, gen_random_uuid(),
       coalesce(array_agg(message_id ORDER BY number) FILTER (WHERE message_id IS NOT NULL), '{}'),
       coalesce(array_agg(memory_id ORDER BY number) FILTER (WHERE memory_id IS NOT NULL), '{}'),
       coalesce(array_agg(key ORDER BY number) FILTER (WHERE key IS NOT NULL), '{}'),
       coalesce(array_agg(digest ORDER BY number) FILTER (WHERE key IS NOT NULL), '{}')
FROM gone GROUP BY (number - 1) / $3

-- name: fence
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

-- name: hold
-- Locks messages in all their forms: from here on nobody learns from them.
WITH RECURSIVE edited AS MATERIALIZED (  -- few, where the messages of a space may be many
    SELECT message_id, replaced_by FROM message WHERE space_id = $1 AND replaced_by IS NOT NULL
), form AS (
    SELECT unnest($2::uuid[]) AS message_id
    UNION
    SELECT CASE WHEN edited.replaced_by = form.message_id THEN edited.message_id ELSE edited.replaced_by END
    FROM form JOIN edited ON form.message_id IN (edited.message_id, edited.replaced_by)
)
SELECT message_id FROM message
WHERE space_id = $1 AND message_id IN (SELECT message_id FROM form) ORDER BY message_id FOR UPDATE

-- name: doom
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

-- name: unmake
-- Takes passages out of the index: those of $2 and $3, and those of messages so near that they share in them. The
-- latter are to be indexed anew.
WITH said AS MATERIALIZED (
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
    CROSS JOIN LATERAL (
        SELECT message_id, conversation_id FROM message
        WHERE space_id = $1 AND conversation_id = said.conversation_id
          AND position BETWEEN first.position AND last.position
          AND message_id <> ALL ($2::uuid[]) AND indexed_at IS NOT NULL
        OFFSET 0  -- one by one: a join would read all messages of the space for each
    ) AS m
), gone AS (
    DELETE FROM passage
    WHERE space_id = $1 AND subject_id IN (
        SELECT message_id FROM beside UNION ALL SELECT unnest($2::uuid[]) UNION ALL SELECT unnest($3::uuid[]))
    RETURNING words, subject_id, ordinal, CASE WHEN posted THEN terms END AS posted
), unlisted AS (
    DELETE FROM posting
    WHERE space_id = $1 AND ctid = ANY (ARRAY(
        SELECT listed.ctid FROM gone CROSS JOIN words_of(gone.posted) AS word CROSS JOIN LATERAL (
            SELECT ctid FROM posting
            WHERE space_id = $1 AND dimension = word.dimension AND subject_id = gone.subject_id
              AND ordinal = gone.ordinal
            OFFSET 0  -- one by one: a join would read all postings of the space
        ) AS listed))
), counted AS (
    UPDATE space_statistics SET passages = passages - (SELECT count(*) FROM gone),
                                authors = ARRAY(SELECT DISTINCT unnest(author) FROM passage
                                                WHERE space_id = $1 AND subject_id NOT IN (SELECT subject_id FROM gone))
    WHERE space_id = $1
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

-- name: prune
DELETE FROM term WHERE space_id = $1 AND passages <= 0

-- name: empty_events
-- What was accepted of these messages is answered no more, and keeps no text.
UPDATE event e SET body = '{}', author = author - 'name',
    kind = CASE WHEN is_open THEN 'record' ELSE kind END,
    turn_id = CASE WHEN is_open THEN NULL ELSE e.turn_id END
FROM (
    SELECT event_key, e.turn_id IS NULL OR t.state IN ('running', 'parked') AS is_open
    FROM event e LEFT JOIN turn t ON t.space_id = e.space_id AND t.turn_id = e.turn_id
    WHERE e.space_id = $1 AND e.message_id = ANY ($2::uuid[])
) AS taken
WHERE e.space_id = $1 AND e.event_key = taken.event_key

-- name: stop_turns
-- A turn that has nothing left to answer ends.
UPDATE turn SET state = 'stopped', finished_at = now()
WHERE space_id = $1 AND state IN ('running', 'parked')
  AND NOT EXISTS (SELECT FROM event e WHERE e.space_id = $1 AND e.turn_id = turn.turn_id)

-- name: pending
-- Texts on their way that are no messages: commands' answers, exports.
SELECT delivery_id, text, file_content FROM delivery
WHERE space_id = $1 AND state <> 'delivered' AND message_id IS NULL

-- name: erase
-- The rows themselves, and all that hangs on them; $4 deliveries that are not to be sent. From messages that stay,
-- nobody learns once more what was forgotten.
WITH unset AS (
    DELETE FROM reminder WHERE space_id = $1 AND message_id = ANY ($2::uuid[]) RETURNING reminder_id
), unset_times AS (
    DELETE FROM occurrence WHERE space_id = $1 AND reminder_id IN (SELECT reminder_id FROM unset)
), unset_work AS (
    DELETE FROM work WHERE space_id = $1 AND kind = 'remind' AND subject_id IN (SELECT reminder_id FROM unset)
), unsent AS (
    DELETE FROM delivery
    WHERE space_id = $1 AND state <> 'delivered'
      AND (delivery_id = ANY ($4::uuid[]) OR message_id = ANY ($2::uuid[])
           OR turn_id IN (SELECT reminder_id FROM unset))
    RETURNING delivery_id
), unsent_work AS (
    DELETE FROM work WHERE space_id = $1 AND kind = 'deliver' AND subject_id IN (SELECT delivery_id FROM unsent)
), unlisted AS (
    DELETE FROM undelivered WHERE space_id = $1 AND delivery_id IN (SELECT delivery_id FROM unsent)
), unlinked AS (
    UPDATE receipt SET message_id = NULL WHERE space_id = $1 AND message_id = ANY ($2::uuid[])
), offered AS (
    DELETE FROM action
    WHERE space_id = $1 AND EXISTS (
        SELECT FROM unnest($2::uuid[] || $3::uuid[]) AS id WHERE position(id::text IN arguments::text) > 0)
), sources AS (
    DELETE FROM memory_source WHERE space_id = $1 AND (memory_id = ANY ($3::uuid[]) OR message_id = ANY ($2::uuid[]))
    RETURNING message_id
), learned_from AS (
    UPDATE message SET learned_at = now()
    WHERE space_id = $1 AND message_id IN (SELECT message_id FROM sources) AND message_id <> ALL ($2::uuid[])
      AND learned_at IS NULL
), successors AS (
    UPDATE memory SET superseded_by = CASE WHEN superseded_by = ANY ($3::uuid[]) THEN NULL ELSE superseded_by END,
                      retracted_by = CASE WHEN retracted_by = ANY ($2::uuid[]) THEN NULL ELSE retracted_by END
    WHERE space_id = $1 AND (superseded_by = ANY ($3::uuid[]) OR retracted_by = ANY ($2::uuid[]))
      AND memory_id <> ALL ($3::uuid[])
), learned AS (
    DELETE FROM memory WHERE space_id = $1 AND memory_id = ANY ($3::uuid[])
)
DELETE FROM message WHERE space_id = $1 AND message_id = ANY ($2::uuid[])

-- name: brought
-- A message that nothing was learned from, locked against the index and against learning.
SELECT indexed_at IS NOT NULL AS is_indexed FROM message
WHERE space_id = $1 AND message_id = $2
  AND NOT EXISTS (SELECT FROM memory_source WHERE space_id = $1 AND message_id = $2)
FOR UPDATE

-- name: unsay
-- It goes, and the event that brought it is one without words.
WITH emptied AS (
    UPDATE event SET message_id = NULL WHERE space_id = $1 AND message_id = $2
)
DELETE FROM message WHERE space_id = $1 AND message_id = $2

-- name: texts
SELECT text FROM message WHERE space_id = $1 AND message_id = ANY ($2::uuid[])
UNION ALL
SELECT text FROM memory WHERE space_id = $1 AND memory_id = ANY ($3::uuid[])

-- name: note
-- That these messages and memories were forgotten, and the keys of the events that brought them.
INSERT INTO forgetting (space_id, forgetting_id, messages, memories, keys, digests)
SELECT $1, $2, $3, $4, coalesce(array_agg(k.key ORDER BY k.key), '{}'), coalesce(array_agg(k.digest ORDER BY k.key), '{}')
FROM event e JOIN event_key k ON k.key = e.event_key
WHERE e.space_id = $1 AND e.message_id = ANY ($3::uuid[])

-- name: note_again
-- A forgetting that the ledger has kept. Its events count as known: sent once more, they are not taken.
WITH heard AS (
    INSERT INTO event_key (key, digest) SELECT * FROM unnest($6::text[], $7::bytea[]) ON CONFLICT DO NOTHING
)
INSERT INTO forgetting (space_id, forgetting_id, at, messages, memories, keys, digests, kept_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, now())
ON CONFLICT DO NOTHING

-- name: unkept
-- With the private spaces that have gone into each one's, directly or by way of others, and into which each went.
SELECT space_id, forgetting_id, at, messages, memories, keys, digests, taken.gone, taken.kept
FROM forgetting CROSS JOIN LATERAL (
    WITH RECURSIVE came AS (
        SELECT gone_person, kept_person FROM link WHERE kept_person = space_id
        UNION
        SELECT l.gone_person, l.kept_person FROM came JOIN link l ON l.kept_person = came.gone_person
    )
    SELECT coalesce(array_agg(gone_person), '{}') AS gone, coalesce(array_agg(kept_person), '{}') AS kept FROM came
) AS taken
WHERE kept_at IS NULL ORDER BY at LIMIT $1

-- name: mark_kept
UPDATE forgetting SET kept_at = now() WHERE kept_at IS NULL AND forgetting_id = ANY ($1::uuid[])

-- name: known
SELECT forgetting_id FROM forgetting WHERE forgetting_id = ANY ($1::uuid[])

-- name: people
-- Whose private spaces there are.
SELECT person_id FROM person

-- name: unmoved
-- What stands in a space $1 and would have one of these ids $3, had it been moved into the spaces $2, one after the
-- other.
SELECT ARRAY(SELECT message_id FROM message WHERE space_id = $1 AND {message} = ANY ($3::uuid[])) AS messages,
       ARRAY(SELECT memory_id FROM memory WHERE space_id = $1 AND {memory} = ANY ($3::uuid[])) AS memories
