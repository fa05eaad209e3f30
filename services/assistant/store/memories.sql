-- name: insert
-- A new memory, from those of its quotes that really stand in messages of people. Without any it isn't made. The
-- messages are held, so that none can be forgotten meanwhile.
WITH standing AS (
    SELECT m.message_id, claimed.quote, m.sent_at
    FROM unnest($6::uuid[], $7::text[]) AS claimed (message_id, quote)
    JOIN message m ON m.space_id = $1 AND m.message_id = claimed.message_id
    WHERE m.role = 'person' AND claimed.quote <> '' AND position(claimed.quote IN m.text) > 0
    FOR KEY SHARE OF m
), made AS (
    INSERT INTO memory (space_id, memory_id, kind, text, learned_at, said_at, confidence, confirmed_at, happens_from,
                        happens_until, first_reply, last_reply, retracted_by)
    SELECT $1, $2, $3, $4, $5, coalesce($8, max(sent_at)), $9, $10, $11, $12, $13, $14, $15
    FROM standing HAVING count(*) > 0
    RETURNING memory_id
)
INSERT INTO memory_source (space_id, memory_id, message_id, quote)
SELECT $1, memory_id, message_id, quote FROM made, standing
ON CONFLICT DO NOTHING
RETURNING message_id

-- name: select
-- Memories with their sources, oldest source first.
SELECT space_id, memory_id, kind, text, learned_at, superseded_at, superseded_by, confidence, confirmed_at,
       happens_from, happens_until, first_reply, last_reply, retracted_by, (
    SELECT jsonb_agg(jsonb_build_object('message_id', s.message_id, 'quote', s.quote, 'sent_at', m.sent_at,
                                        'author_name', m.author_name) ORDER BY m.sent_at, m.position)
    FROM memory_source s JOIN message m ON m.space_id = s.space_id AND m.message_id = s.message_id
    WHERE s.space_id = memory.space_id AND s.memory_id = memory.memory_id
) AS sources
FROM memory WHERE space_id = ANY ($1::uuid[]) AND

-- name: page
($2::text IS NULL OR kind = $2) AND ($3 OR superseded_at IS NULL)
AND ($4::timestamptz IS NULL OR (learned_at, memory_id) < ($4, $5::uuid))
ORDER BY learned_at DESC, memory_id DESC LIMIT $6

-- name: resting_on
superseded_at IS NULL AND (space_id, memory_id) IN (
    SELECT space_id, memory_id FROM memory_source
    WHERE space_id = ANY ($1::uuid[]) AND message_id = ANY ($2::uuid[]))
ORDER BY learned_at DESC, memory_id DESC

-- name: unsaid
-- What holds and rests on earlier forms of the message $2, if its quotes stand in no message as that reads now.
superseded_at IS NULL AND memory_id IN (
    WITH RECURSIVE form AS (
        SELECT $2::uuid AS message_id
        UNION
        SELECT m.message_id FROM form JOIN message m ON m.space_id = ANY ($1::uuid[]) AND m.replaced_by = form.message_id
    ), quoted AS (
        SELECT s.memory_id, s.quote, s.message_id FROM memory_source s
        WHERE s.space_id = ANY ($1) AND s.memory_id = ANY (ARRAY(
            SELECT memory_id FROM form CROSS JOIN LATERAL (
                SELECT memory_id FROM memory_source WHERE space_id = ANY ($1) AND message_id = form.message_id
                OFFSET 0  -- one by one: a join would read all sources of the space
            ) AS resting))
        UNION
        SELECT quoted.memory_id, quoted.quote, m.replaced_by FROM quoted
        JOIN message m ON m.space_id = ANY ($1) AND m.message_id = quoted.message_id
        WHERE m.replaced_by IS NOT NULL
    )
    SELECT quoted.memory_id FROM quoted JOIN message m ON m.space_id = ANY ($1) AND m.message_id = quoted.message_id
    GROUP BY quoted.memory_id HAVING NOT bool_or(m.replaced_by IS NULL AND position(quoted.quote IN m.text) > 0))

-- name: replaced
memory_id IN (
    WITH RECURSIVE before AS (
        SELECT memory_id FROM memory WHERE space_id = ANY ($1::uuid[]) AND superseded_by = $2
        UNION
        SELECT m.memory_id FROM before JOIN memory m ON m.space_id = ANY ($1) AND m.superseded_by = before.memory_id
    )
    SELECT memory_id FROM before)
ORDER BY superseded_at DESC, memory_id

-- name: supersede
-- The old memory ends, by another one $4 or because it was taken back in the message $6; it ranks lower from now on.
-- So do the messages that it rests on ($7), but for those that other memories, which hold, rest on too.
WITH ended AS (
    UPDATE memory SET superseded_at = $3, superseded_by = $4, retracted_by = $6
    WHERE space_id = $1 AND memory_id = $2 AND superseded_at IS NULL
    RETURNING memory_id
), stale AS (
    SELECT s.message_id FROM ended JOIN memory_source s ON s.space_id = $1 AND s.memory_id = ended.memory_id
    WHERE NOT EXISTS (
        SELECT FROM memory_source other JOIN memory USING (space_id, memory_id)
        WHERE other.space_id = $1 AND other.message_id = s.message_id AND other.memory_id <> $2
          AND superseded_at IS NULL)
), lowered AS (
    UPDATE passage SET prior = prior - CASE WHEN of_memory THEN $5::real ELSE $7::real END
    WHERE space_id = $1 AND subject_id = ANY (ARRAY(
        SELECT memory_id FROM ended UNION ALL SELECT message_id FROM stale))
)
SELECT memory_id FROM ended
