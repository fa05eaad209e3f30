-- name: add
-- A reminder under the next number of its space, and the work that fires it. Two at once can't have one number:
-- the caller waits for the other by `hold`.
WITH made AS (
    INSERT INTO reminder (space_id, reminder_id, number, conversation_id, person_id, message_id, text, starts, zone,
                          every, unit, weekdays, next_due)
    SELECT $1, $2, coalesce(max(number), 0) + 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
    FROM reminder WHERE space_id = $1
    RETURNING number, next_due
), asked AS (
    INSERT INTO work (space_id, kind, subject_id, route, due_at) SELECT $1, 'remind', $2, $13, next_due FROM made
    WHERE next_due IS NOT NULL
)
SELECT number FROM made

-- name: hold
-- Whoever else adds a reminder to this conversation waits.
SELECT FROM conversation WHERE space_id = $1 AND conversation_id = $2 FOR UPDATE

-- name: coming
-- What is still to come in a conversation, soonest first.
SELECT r.*, m.author_name FROM reminder r JOIN message m USING (space_id, message_id)
WHERE space_id = $1 AND r.conversation_id = $2 AND next_due IS NOT NULL
ORDER BY next_due, number LIMIT $3

-- name: numbered
-- One that is still to come, by its number.
SELECT r.*, m.author_name FROM reminder r JOIN message m USING (space_id, message_id)
WHERE space_id = $1 AND r.conversation_id = $2 AND number = $3 AND next_due IS NOT NULL

-- name: one
-- A reminder, held until the transaction ends: who fires, changes or cancels it waits for the others.
SELECT r.*, m.author_name FROM reminder r JOIN message m USING (space_id, message_id)
WHERE space_id = $1 AND reminder_id = $2 FOR UPDATE OF r

-- name: is_removed
-- Whether somebody may not speak here any more.
SELECT EXISTS (SELECT FROM person WHERE person_id = $1 AND role = 'removed')

-- name: move
-- Another time for a reminder that is still to come; no row otherwise.
WITH moved AS (
    UPDATE reminder SET starts = $3, zone = $4, every = $5, unit = $6, weekdays = $7, next_due = $8
    WHERE space_id = $1 AND reminder_id = $2 AND next_due IS NOT NULL
    RETURNING reminder_id, next_due
), asked AS (
    UPDATE work SET due_at = next_due, lease_until = NULL, wakes = wakes + 1 FROM moved
    WHERE space_id = $1 AND kind = 'remind' AND subject_id = reminder_id
)
SELECT true FROM moved

-- name: cancel
-- It does not come again; no row if it would not have.
WITH ended AS (
    UPDATE reminder SET next_due = NULL WHERE space_id = $1 AND reminder_id = $2 AND next_due IS NOT NULL
    RETURNING reminder_id
), unasked AS (
    DELETE FROM work USING ended WHERE space_id = $1 AND kind = 'remind' AND subject_id = ended.reminder_id
)
SELECT true FROM ended

-- name: due
-- Leases up to $3 reminders that are due at $1, which is the caller's clock.
UPDATE work SET lease_until = now() + $2, attempt = attempt + 1, holder = $4
WHERE (space_id, kind, subject_id) IN (
    SELECT space_id, kind, subject_id FROM work
    WHERE kind = 'remind' AND due_at <= $1 AND (lease_until IS NULL OR lease_until < now())
    ORDER BY due_at LIMIT $3
) AND (lease_until IS NULL OR lease_until < now())
RETURNING space_id, subject_id, route, attempt, wakes

-- name: fire
-- What came due until now, each time once: the times $3 that were missed, and $4, which is sent as $6. The next is
-- $7. No row, and nothing is written, if it was fired, moved or cancelled meanwhile. A time that has its row already
-- (a clock ahead fired it, and it was moved back there) is not sent again.
WITH still AS (
    UPDATE reminder SET next_due = $7
    WHERE space_id = $1 AND reminder_id = $2 AND next_due = $8
    RETURNING conversation_id
), missed AS (
    INSERT INTO occurrence (space_id, reminder_id, due_at, state)
    SELECT $1, $2, due, 'missed' FROM still, unnest($3::timestamptz[]) AS due
    ON CONFLICT DO NOTHING
), sent AS (
    INSERT INTO occurrence (space_id, reminder_id, due_at, state, delivery_id)
    SELECT $1, $2, $4, 'sent', $5 FROM still
    ON CONFLICT DO NOTHING RETURNING delivery_id
), sending AS (
    -- No turn stands behind it: the reminder itself is what the delivery belongs to.
    INSERT INTO delivery (space_id, delivery_id, conversation_id, turn_id, text)
    SELECT $1, delivery_id, conversation_id, $2, $6 FROM still, sent
), carried AS (
    INSERT INTO work (space_id, kind, subject_id, route) SELECT $1, 'deliver', delivery_id, $9 FROM sent
), again AS (
    UPDATE work SET due_at = $7, lease_until = NULL, holder = NULL, attempt = 0 FROM still
    WHERE space_id = $1 AND kind = 'remind' AND subject_id = $2 AND $7::timestamptz IS NOT NULL
), over AS (
    DELETE FROM work USING still
    WHERE space_id = $1 AND kind = 'remind' AND subject_id = $2 AND $7::timestamptz IS NULL
)
SELECT true FROM still
