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
    INSERT INTO memory (space_id, memory_id, kind, text, learned_at, said_at)
    SELECT $1, $2, $3, $4, $5, coalesce($8, max(sent_at)) FROM standing HAVING count(*) > 0
    RETURNING memory_id
)
INSERT INTO memory_source (space_id, memory_id, message_id, quote)
SELECT $1, memory_id, message_id, quote FROM made, standing
ON CONFLICT DO NOTHING
RETURNING message_id

-- name: confirm
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

-- name: select
-- Memories with their sources, oldest source first.
SELECT space_id, memory_id, kind, text, learned_at, superseded_at, superseded_by, (
    SELECT jsonb_agg(jsonb_build_object('message_id', s.message_id, 'quote', s.quote, 'sent_at', m.sent_at,
                                        'author_name', m.author_name) ORDER BY m.sent_at, m.position)
    FROM memory_source s JOIN message m ON m.space_id = s.space_id AND m.message_id = s.message_id
    WHERE s.space_id = memory.space_id AND s.memory_id = memory.memory_id
) AS sources
FROM memory WHERE space_id = ANY ($1::uuid[]) AND

-- name: page
($2::text IS NULL OR kind = $2) AND ($3 OR superseded_at IS NULL)
AND ($4::uuid IS NULL OR (learned_at, memory_id) < (
    SELECT learned_at, memory_id FROM memory WHERE space_id = ANY ($1::uuid[]) AND memory_id = $4))
ORDER BY learned_at DESC, memory_id DESC LIMIT $5

-- name: supersede
-- The old memory ends; it ranks lower from now on.
WITH ended AS (
    UPDATE memory SET superseded_at = $3, superseded_by = $4
    WHERE space_id = $1 AND memory_id = $2 AND superseded_at IS NULL
    RETURNING memory_id
), lowered AS (
    UPDATE passage SET prior = prior - $5 FROM ended WHERE space_id = $1 AND subject_id = ended.memory_id
)
SELECT memory_id FROM ended

-- name: unlearned
-- What of a conversation was not learned from yet, oldest first: $3 messages at most, of $4 bytes.
SELECT message_id, role, author_name, text, sent_at FROM (
    SELECT *, sum(octet_length(text)) OVER (ORDER BY position) - octet_length(text) AS before
    FROM (SELECT message_id, role, author_name, left(text, 4000) AS text, sent_at, position FROM message
          WHERE space_id = $1 AND conversation_id = $2 AND learned_at IS NULL AND replaced_by IS NULL
          ORDER BY position LIMIT $3) AS said
) AS waiting
WHERE before < $4
ORDER BY position

-- name: mark_learned
-- Returns those that nobody else has learned from meanwhile.
UPDATE message SET learned_at = now()
WHERE space_id = $1 AND message_id = ANY ($2::uuid[]) AND learned_at IS NULL
RETURNING message_id
