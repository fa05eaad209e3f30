-- name: unlearned
-- What of a conversation was not learned from yet, oldest first: $3 messages at most, of $4 bytes; with the zone in
-- which whoever said it lives.
SELECT message_id, role, author_name, person_id, text, sent_at, zone FROM (
    SELECT said.*, p.zone, sum(octet_length(text)) OVER (ORDER BY position) - octet_length(text) AS before
    FROM (SELECT message_id, role, author_name, person_id, left(text, 4000) AS text, sent_at, position FROM message
          WHERE space_id = $1 AND conversation_id = $2 AND learned_at IS NULL AND replaced_by IS NULL
          ORDER BY position LIMIT $3) AS said
    LEFT JOIN person p USING (person_id)
) AS waiting
WHERE before < $4
ORDER BY position

-- name: known
-- Memories that rest on the words of the people who said the messages $2, and may bear on these: of each one's own the
-- nearest in meaning and in words, and what always holds. At most $3 of each, the likeliest first.
WITH said AS MATERIALIZED (
    SELECT p.own, p.model, p.terms, author.person_id FROM passage p CROSS JOIN LATERAL (
        SELECT person_id FROM message WHERE space_id = $1 AND message_id = p.subject_id OFFSET 0) AS author
    WHERE p.space_id = $1 AND p.subject_id = ANY ($2::uuid[]) LIMIT 100
), theirs AS MATERIALIZED (
    SELECT m.memory_id, m.kind, m.learned_at, owner.person_id
    FROM memory m CROSS JOIN LATERAL (
        SELECT source.person_id FROM memory_source s CROSS JOIN LATERAL (
            SELECT person_id FROM message WHERE space_id = $1 AND message_id = s.message_id OFFSET 0) AS source
        WHERE s.space_id = $1 AND s.memory_id = m.memory_id LIMIT 1
    ) AS owner
    WHERE m.space_id = $1 AND m.superseded_at IS NULL AND owner.person_id = ANY (ARRAY(
        SELECT person_id FROM message WHERE space_id = $1 AND message_id = ANY ($2::uuid[])))
), picked AS MATERIALIZED (
    SELECT memory_id FROM (
        SELECT memory_id, row_number() OVER (PARTITION BY person_id ORDER BY learned_at DESC) AS newest
        FROM theirs WHERE kind IN ('instruction', 'profile')
    ) AS standing
    WHERE newest <= $3
    UNION
    SELECT near.subject_id FROM said CROSS JOIN LATERAL (
        -- As a value, not a condition: so these are put in a table once, not looked through for each passage.
        (SELECT subject_id FROM passage p
         WHERE p.space_id = $1 AND p.of_memory AND p.model = said.model AND p.prior > 0
           AND ((p.subject_id, said.person_id) IN (SELECT memory_id, person_id FROM theirs)) IS TRUE
         ORDER BY p.own <#> said.own LIMIT $3)
        UNION
        (SELECT subject_id FROM passage p
         WHERE p.space_id = $1 AND p.of_memory AND p.prior > 0
           AND ((p.subject_id, said.person_id) IN (SELECT memory_id, person_id FROM theirs)) IS TRUE
         ORDER BY p.terms <#> said.terms LIMIT $3)
    ) AS near
)
SELECT theirs.memory_id, theirs.person_id, (
    SELECT coalesce(max(- (p.own <#> said.own)) FILTER (WHERE p.model = said.model), 0)
         + coalesce(max(- (p.terms <#> said.terms)), 0) / 20
    FROM passage p, said WHERE p.space_id = $1 AND p.subject_id = theirs.memory_id
) AS likeness
FROM picked JOIN theirs USING (memory_id) ORDER BY likeness DESC NULLS LAST, learned_at DESC

-- name: alike
-- Memories of whoever said the message $2, ended ones too, that read like $3, rest on that message or on the same
-- quote $4, or are near in meaning ($5, a vector by the model $6): with what tells whether they say the same.
SELECT m.memory_id, m.kind, m.text, m.said_at, m.confirmed_at, m.superseded_at, m.superseded_by,
       coalesce((SELECT max(- (p.own <#> $5::halfvec)) FROM passage p
                 WHERE p.space_id = $1 AND p.subject_id = m.memory_id AND p.model = $6), 0) AS likeness,
       m.last_reply IS NOT NULL AS is_passing, quotes.same_quote, quotes.is_verbatim, quotes.messages
FROM message asking JOIN memory m USING (space_id) CROSS JOIN LATERAL (
    SELECT array_agg(s.message_id) AS messages, bool_and(said.person_id = asking.person_id) AS is_theirs,
           bool_or(lower(s.quote) = lower($4)) AS same_quote,
           bool_or(s.message_id = $2 AND m.text = said.text) AS is_verbatim
    FROM memory_source s JOIN message said USING (space_id, message_id)
    WHERE s.space_id = $1 AND s.memory_id = m.memory_id
) AS quotes
WHERE asking.space_id = $1 AND asking.message_id = $2 AND quotes.is_theirs AND m.memory_id = ANY (ARRAY(
    (SELECT memory_id FROM memory WHERE space_id = $1 AND lower(text) = lower($3)
     ORDER BY superseded_at IS NOT NULL LIMIT 10)
    UNION
    (SELECT s.memory_id FROM memory_source s WHERE s.space_id = $1 AND s.message_id = $2)
    UNION
    (SELECT s.memory_id FROM memory_source s WHERE s.space_id = $1 AND lower(s.quote) = lower($4) LIMIT 20)
    UNION
    (SELECT subject_id FROM passage p WHERE p.space_id = $1 AND p.of_memory AND p.model = $6
     ORDER BY p.own <#> $5::halfvec LIMIT 5)))
ORDER BY m.superseded_at IS NULL DESC, likeness DESC, m.memory_id

-- name: confirm
-- A memory is said again: it gets a source, and is surer by it. $5 how much of the doubt goes. One that had ended and
-- is said again later ($6) holds again. No row if the quote doesn't stand in a message of a person, or is known.
WITH standing AS (
    SELECT m.message_id, m.sent_at FROM message m
    WHERE m.space_id = $1 AND m.message_id = $3 AND m.role = 'person' AND $4 <> '' AND position($4 IN m.text) > 0
    FOR KEY SHARE OF m
), sourced AS (
    INSERT INTO memory_source (space_id, memory_id, message_id, quote)
    SELECT $1, memory_id, message_id, $4 FROM standing
    JOIN memory ON space_id = $1 AND memory_id = $2
    ON CONFLICT DO NOTHING
    RETURNING message_id
), surer AS (
    UPDATE memory m SET confidence = least(confidence + (1 - confidence) * $5::real, .99),
                        confirmed_at = greatest(coalesce(confirmed_at, said_at), sent_at),
                        superseded_at = CASE WHEN $6::boolean THEN NULL ELSE superseded_at END,
                        superseded_by = CASE WHEN $6 THEN NULL ELSE superseded_by END,
                        retracted_by = CASE WHEN $6 THEN NULL ELSE retracted_by END
    FROM standing JOIN sourced USING (message_id)
    WHERE m.space_id = $1 AND m.memory_id = $2
    RETURNING memory_id, m.superseded_at IS NULL AS holds
), raised AS (
    UPDATE passage SET prior = prior + $7::real FROM surer
    WHERE $6 AND space_id = $1 AND subject_id = surer.memory_id
)
SELECT memory_id FROM surer

-- name: lapse
-- Instructions for a few replies end when Remi has given the last of these after the newest message that gave them.
SELECT m.memory_id FROM memory m
WHERE m.space_id = $1 AND m.last_reply IS NOT NULL AND m.superseded_at IS NULL AND m.last_reply <= (
    SELECT (SELECT count(*) FROM (
        SELECT FROM message
        WHERE space_id = $1 AND conversation_id = said.conversation_id AND position > said.position
          AND role = 'remi' AND replaced_by IS NULL
        ORDER BY position LIMIT m.last_reply) AS reply)
    FROM memory_source s CROSS JOIN LATERAL (
        SELECT conversation_id, position FROM message WHERE space_id = $1 AND message_id = s.message_id OFFSET 0) AS said
    WHERE s.space_id = $1 AND s.memory_id = m.memory_id
    ORDER BY said.position DESC LIMIT 1)

-- name: mark
-- These were learned from, at the price of $4, $5 tokens, which whoever spoke last bears. Returns those that nobody
-- else had learned from meanwhile, and that no edit has replaced. Nothing is forgotten in the space until the
-- transaction ends.
WITH spared AS MATERIALIZED (
    SELECT pg_advisory_xact_lock_shared(uuid_hash_extended($1::uuid, 0))
), ours AS (
    UPDATE message SET learned_at = now()
    WHERE (SELECT count(*) FROM spared) > 0  -- so that this is before any row is locked
      AND space_id = $1 AND message_id = ANY ($2::uuid[]) AND learned_at IS NULL
    RETURNING message_id, replaced_by
), metered AS (
    INSERT INTO usage AS u (person_id, day, turns, prompt_tokens, completion_tokens)
    SELECT $3::uuid, (now() AT TIME ZONE 'UTC')::date, 0, $4::bigint, $5::bigint
    WHERE $3::uuid IS NOT NULL AND $4::bigint + $5::bigint > 0
    ON CONFLICT (person_id, day) DO UPDATE SET
        prompt_tokens = u.prompt_tokens + excluded.prompt_tokens,
        completion_tokens = u.completion_tokens + excluded.completion_tokens
)
SELECT message_id FROM ours WHERE replaced_by IS NULL

-- name: garbled
-- The model's answer couldn't be read: how often that happened with this talk.
WITH metered AS (
    INSERT INTO usage AS u (person_id, day, turns, prompt_tokens, completion_tokens)
    SELECT $3::uuid, (now() AT TIME ZONE 'UTC')::date, 0, $4::bigint, $5::bigint WHERE $3::uuid IS NOT NULL
    ON CONFLICT (person_id, day) DO UPDATE SET
        prompt_tokens = u.prompt_tokens + excluded.prompt_tokens,
        completion_tokens = u.completion_tokens + excluded.completion_tokens
), counted AS (
    UPDATE message SET learn_tries = learn_tries + 1 WHERE space_id = $1 AND message_id = ANY ($2::uuid[])
    RETURNING learn_tries
)
SELECT max(learn_tries) FROM counted
