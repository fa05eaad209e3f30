-- name: finish
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
                          replaces, file_name, file_content, fetches)
    SELECT $1, $13, conversation_id, turn_id, $9, CASE WHEN $9::uuid IS NULL THEN $10 ELSE '' END, $14, $15,
           ARRAY(SELECT platform_message_id FROM receipt WHERE space_id = $1 AND turn_id = $12 ORDER BY part),
           $16, $17, $23
    FROM done WHERE $13::uuid IS NOT NULL
    RETURNING replaces
), carried AS (
    INSERT INTO work (space_id, kind, subject_id, route, lease_until)
    SELECT $1, 'deliver', $13, $18, now() + $19 FROM done WHERE $13::uuid IS NOT NULL
), answered AS (
    UPDATE event SET body = '{}', author = author - 'name' FROM done WHERE event.space_id = $1 AND event.turn_id = done.turn_id
), asked AS (
    INSERT INTO work AS w (space_id, kind, subject_id, route, due_at)
    -- Talk is learned from when it has settled a little: what is said in these seconds costs one call, not several.
    SELECT $1, kind, conversation_id, $18,
           now() + CASE kind WHEN 'learn' THEN interval '10 seconds' ELSE interval '5 seconds' END FROM done, unnest($20::text[]) AS kind
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
       coalesce((SELECT replaces FROM sending), '{}') AS replaces,
       NOT EXISTS (SELECT FROM delivery JOIN turn USING (space_id, turn_id)
                   WHERE space_id = $1 AND delivery.conversation_id = done.conversation_id
                     AND delivery.state = 'pending') AS is_next
FROM done

-- name: park
-- No model answered: the turn waits to be tried again, and its conversation is free. The person is told once. What an
-- earlier turn of the conversation waits for already joins that one: all of it is answered together. No row: the turn
-- was fenced.
WITH still AS (
    SELECT turn_id, conversation_id, told_at,
           (SELECT turn_id FROM turn earlier
            WHERE earlier.space_id = $1 AND earlier.conversation_id = turn.conversation_id
              AND earlier.state = 'parked') AS earlier_id
    FROM turn
    WHERE space_id = $1 AND turn_id = $2 AND attempt = $3 AND state = 'running' FOR UPDATE
), parked AS (
    UPDATE turn SET state = CASE WHEN earlier_id IS NULL THEN 'parked' ELSE 'stopped' END, finished_at = now(),
                    told_at = CASE WHEN earlier_id IS NULL THEN coalesce(turn.told_at, now()) END
    FROM still WHERE turn.space_id = $1 AND turn.turn_id = still.turn_id
    RETURNING turn.conversation_id, earlier_id, still.told_at IS NULL AND earlier_id IS NULL AS is_news
), joined AS (
    UPDATE event SET turn_id = earlier_id FROM parked
    WHERE event.space_id = $1 AND event.turn_id = $2 AND earlier_id IS NOT NULL
), sending AS (
    INSERT INTO delivery (space_id, delivery_id, conversation_id, turn_id, text, buttons)
    SELECT $1, $4, conversation_id, $2, $5, $6 FROM parked WHERE is_news
), carried AS (
    INSERT INTO work (space_id, kind, subject_id, route, lease_until)
    SELECT $1, 'deliver', $4, $7, now() + $8 FROM parked WHERE is_news
), again AS (
    INSERT INTO work AS w (space_id, kind, subject_id, route, due_at)
    SELECT $1, 'retry', conversation_id, $7, now() + $9 FROM parked
    ON CONFLICT (space_id, kind, subject_id) DO UPDATE SET
        wakes = w.wakes + 1, due_at = excluded.due_at, lease_until = NULL, holder = NULL
), freed AS (
    DELETE FROM work USING parked
    WHERE work.space_id = $1 AND work.kind = 'turn' AND subject_id = parked.conversation_id AND wakes = $10
      AND NOT EXISTS (SELECT FROM event
                      WHERE event.space_id = $1 AND event.conversation_id = parked.conversation_id
                        AND event.turn_id IS NULL AND event.kind <> 'record')
    RETURNING true
)
SELECT earlier_id, is_news, NOT EXISTS (SELECT FROM freed) AS has_more FROM parked

-- name: occupy
-- Takes a conversation on which nobody works, to go on with what is parked there, under an attempt that nobody had.
INSERT INTO work AS w (space_id, kind, subject_id, route, lease_until, attempt, holder)
SELECT $1, 'turn', $2, $3, now() + $4::interval, coalesce(max(attempt), 0) + 1, $5
FROM turn WHERE space_id = $1 AND conversation_id = $2 AND state = 'parked'
ON CONFLICT (space_id, kind, subject_id) DO UPDATE SET
    lease_until = excluded.lease_until, attempt = greatest(w.attempt + 1, excluded.attempt), holder = excluded.holder
    WHERE w.lease_until IS NULL OR w.lease_until < now()
RETURNING attempt, wakes

-- name: unpark
-- The parked turn of a conversation runs again. No row: there is none any more, or another one was left running.
UPDATE turn SET state = 'running', finished_at = NULL, tries = 0
WHERE space_id = $1 AND conversation_id = $2 AND state = 'parked'
  AND NOT EXISTS (SELECT FROM turn other
                  WHERE other.space_id = $1 AND other.conversation_id = $2 AND other.state = 'running')
RETURNING turn_id

-- name: is_parked
-- Whether anything in a conversation waits for a model.
SELECT EXISTS (SELECT FROM turn WHERE space_id = $1 AND conversation_id = $2 AND state = 'parked')

-- name: hurry
-- What is parked in a conversation is to be tried now; no row if nothing is.
UPDATE work SET due_at = now() WHERE space_id = $1 AND kind = 'retry' AND subject_id = $2 RETURNING true

-- name: note
-- The outcome of an event that passes the queue, such as /stop: a turn done at once, and its delivery.
WITH turned AS (
    INSERT INTO turn (space_id, turn_id, conversation_id, person_id, state, attempt, finished_at, asked_at)
    VALUES ($1, $2, $3, $4, 'done', 0, now(), $5)
), sending AS (
    INSERT INTO delivery (space_id, delivery_id, conversation_id, turn_id, text) VALUES ($1, $6, $3, $2, $7)
)
INSERT INTO work (space_id, kind, subject_id, route, lease_until) VALUES ($1, 'deliver', $6, $8, now() + $9)

-- name: answers
-- Which turn an event came to that was in nobody's queue.
UPDATE event SET turn_id = $3, author = author - 'name' WHERE space_id = $1 AND event_key = $2
