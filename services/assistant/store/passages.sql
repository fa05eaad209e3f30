-- name: recall
-- Everything a turn sees of its spaces at once: what the question finds, what always holds, and the recent talk.
-- $1 spaces; $2, $3 the question's words, each as a space and a dimension; $4, $5 the embedder and the question's
-- vector; $6 the turn's own messages, to be left out; $7 the dates it names; $8 most passages; $9 the conversation
-- whose talk before that is wanted; $10, $11 most recent messages, and their bytes; $12 about as many bytes of
-- passages, and $13 so many passages beyond; $14 of so many of the latest messages the vectors too, for the index.
WITH asked AS MATERIALIZED (
    -- A word counts by its idf twice: once for the question's side, once for the text's.
    SELECT space_id, array_agg(dimension) AS words, (
        '{' || string_agg(
            dimension || ':' || power(ln(1 + (s.passages - t.passages + .5) / (t.passages + .5)), 2)::real, ','
        ) || '}/1000000000')::sparsevec AS terms
    FROM unnest($2::uuid[], $3::integer[]) AS word (space_id, dimension)
    LEFT JOIN (
        SELECT * FROM term WHERE space_id = ANY ($1::uuid[]) AND dimension = ANY ($3::integer[])
    ) AS t USING (space_id, dimension)
    LEFT JOIN space_statistics s USING (space_id)
    WHERE space_id = ANY ($1::uuid[])
    GROUP BY space_id
), compared AS MATERIALIZED (
    SELECT p.space_id, p.subject_id, p.of_memory, p.starts, p.ends, p.said_at,
           CASE WHEN p.model = $4 THEN greatest(- (p.embedding <#> $5::halfvec), 0) ELSE 0 END AS vector,
           coalesce(- (p.terms <#> asked.terms), 0) AS words,
           p.prior
         + CASE WHEN p.author && asked.words THEN .2 ELSE 0 END
         -- Who names a time to the hour asks for little else.
         + CASE WHEN NOT p.said_at <@ $7::tstzmultirange THEN 0
                WHEN upper($7::tstzmultirange) - lower($7::tstzmultirange) <= interval '1 hour' THEN .6 ELSE .2 END AS bonus
    FROM {passages} LEFT JOIN asked USING (space_id)
    WHERE p.subject_id <> ALL ($6::uuid[])
), scored AS (
    SELECT *, .45 * vector / greatest((SELECT max(vector) FROM compared), 1e-6)
            + .45 * words / greatest((SELECT max(words) FROM compared), 1e-6) + bonus AS score
    FROM compared
    -- So many that the best of $8 messages are among them, whichever passages are further ones of theirs.
    ORDER BY score DESC, said_at DESC, starts LIMIT $8 + (SELECT count(*) FROM compared WHERE starts > 0)
), ranked AS (
    -- The best passage ranks its message; its others come after every message's best.
    SELECT *, row_number() OVER (PARTITION BY subject_id ORDER BY score DESC, starts) > 1 AS is_further
    FROM scored
), best AS (
    SELECT *, row_number() OVER best_first AS at, sum(ends - starts + 40) OVER best_first AS length
    FROM (SELECT * FROM ranked ORDER BY is_further, score DESC, said_at DESC, starts LIMIT $8) AS most
    WINDOW best_first AS (ORDER BY is_further, score DESC, said_at DESC, starts)
), kept AS (
    SELECT * FROM best WHERE at <= $13 + (SELECT count(*) FROM best WHERE length <= $12)
), found AS (
    SELECT kept.*, m.role, m.author_name, m.text, NULL::timestamptz AS superseded_at
    FROM kept JOIN message m ON m.space_id = kept.space_id AND m.message_id = kept.subject_id
    WHERE NOT of_memory AND m.replaced_by IS NULL
    UNION ALL
    SELECT kept.*, 'person', '', m.text, m.superseded_at
    FROM kept JOIN memory m ON m.space_id = kept.space_id AND m.memory_id = kept.subject_id
    WHERE of_memory AND (m.kind NOT IN ('instruction', 'profile') OR m.superseded_at IS NOT NULL)
), recent AS (
    SELECT m.*, row_number() OVER (ORDER BY m.position DESC) AS back,
           sum(octet_length(m.text)) OVER (ORDER BY m.position DESC) - octet_length(m.text) < $11 AS is_recent
    FROM conversation c JOIN LATERAL (
        SELECT position, message_id, role, person_id, author_name, text, sent_at, indexed_at FROM message
        WHERE space_id = c.space_id AND conversation_id = c.conversation_id AND position > c.topic_since
          AND replaced_by IS NULL AND message_id <> ALL ($6::uuid[])
          AND position < coalesce((SELECT min(position) FROM message
                                   WHERE space_id = ($1::uuid[])[1] AND message_id = ANY ($6::uuid[])),
                                  9223372036854775807)
        ORDER BY position DESC LIMIT $10
    ) m ON true
    WHERE c.space_id = ($1::uuid[])[1] AND c.conversation_id = $9
)
SELECT seen.*,
       CASE WHEN of_memory THEN (
           SELECT json_agg(json_build_object('message_id', message_id, 'quote', quote, 'sent_at', sent_at,
                                             'author_name', author_name))
           FROM (
               SELECT s.message_id, quote, sent_at, author_name
               FROM memory_source s CROSS JOIN LATERAL (
                   SELECT sent_at, position, author_name FROM message
                   WHERE space_id = s.space_id AND message_id = s.message_id
                   OFFSET 0  -- one by one: taken for a join, all of the space's messages would be read for each
               ) AS m
               WHERE s.space_id = seen.space_id AND s.memory_id = seen.subject_id
               ORDER BY sent_at, position
           ) AS source
       ) END AS sources,
       CASE WHEN is_indexed AND back <= $14 THEN ARRAY(
           SELECT ordinal FROM passage p
           WHERE p.space_id = seen.space_id AND p.subject_id = seen.subject_id AND p.model = $4
           ORDER BY ordinal
       ) END AS ordinals,
       CASE WHEN is_indexed AND back <= $14 THEN ARRAY(
           SELECT own FROM passage p
           WHERE p.space_id = seen.space_id AND p.subject_id = seen.subject_id AND p.model = $4
           ORDER BY ordinal
       ) END AS owns
FROM (
    SELECT 'found' AS part, at,
           space_id, subject_id, of_memory, NULL AS kind, role, NULL::uuid AS person_id, author_name,
           substr(text, starts + 1, ends - starts) AS text, starts, ends, said_at,
           NULL::timestamptz AS learned_at, superseded_at, score, vector, words,
           NULL::bigint AS back, NULL::boolean AS is_recent, NULL::boolean AS is_indexed
    FROM found
    UNION ALL
    SELECT 'standing', row_number() OVER (ORDER BY greatest(learned_at, confirmed_at), memory_id),
           space_id, memory_id, true, kind, 'person', NULL, '', text, 0, 0, confirmed_at, learned_at, NULL, 0, 0, 0, NULL, NULL, NULL
    FROM (
        SELECT * FROM memory
        WHERE space_id = ANY ($1::uuid[]) AND kind IN ('instruction', 'profile') AND superseded_at IS NULL
          AND (last_reply IS NULL OR (  -- for a few replies of one talk only: is the one to come among them?
            SELECT coalesce(said.conversation_id = $9, true) AND (
                SELECT count(*) + 1 FROM (
                    SELECT FROM message
                    WHERE space_id = said.space_id AND conversation_id = said.conversation_id
                      AND position > said.position AND role = 'remi' AND replaced_by IS NULL
                    ORDER BY position LIMIT memory.last_reply
                ) AS reply
            ) BETWEEN memory.first_reply AND memory.last_reply
            FROM memory_source s JOIN message said ON said.space_id = s.space_id AND said.message_id = s.message_id
            WHERE s.space_id = memory.space_id AND s.memory_id = memory.memory_id
            ORDER BY said.position DESC LIMIT 1))
        ORDER BY greatest(learned_at, confirmed_at) DESC LIMIT 40
    ) AS standing
    UNION ALL
    SELECT 'recent', position, ($1::uuid[])[1], message_id, false, NULL, role, person_id, author_name, text, 0, 0,
           sent_at, NULL, NULL, 0, 0, 0, back, is_recent, indexed_at IS NOT NULL
    FROM recent WHERE is_recent OR back <= $14
    UNION ALL
    SELECT 'large', 0, space_id, NULL, false, NULL, NULL, NULL, NULL, NULL, 0, 0, NULL, NULL, NULL, 0, 0, 0,
           NULL, NULL, NULL
    FROM space_statistics WHERE space_id = ANY ($1::uuid[]) AND passages > 2000
) AS seen
ORDER BY part, at

-- name: authors
-- The words of the names of those who speak in the spaces.
SELECT space_id, authors FROM space_statistics WHERE space_id = ANY ($1::uuid[])

-- name: whole
-- All passages of the spaces, while none of these is too large to be read whole.
(SELECT * FROM passage
 WHERE space_id = ANY ($1::uuid[])
   AND NOT EXISTS (SELECT FROM space_statistics WHERE space_id = ANY ($1::uuid[]) AND passages > 2000)) AS p

-- name: candidates
-- The passages that a vector or a word brings up; both are compared then.
(SELECT own.* FROM (
    {branches}
    ORDER BY 1, 2, 3  -- so that neighbours in the key are looked up one after the other
) AS candidate CROSS JOIN LATERAL (
    SELECT * FROM passage
    WHERE space_id = candidate.space_id AND subject_id = candidate.subject_id AND ordinal = candidate.ordinal
    OFFSET 0  -- one by one, as above
) AS own) AS p

-- name: dated
-- Of what was said when the question says, in one space: the nearest in meaning.
(SELECT space_id, subject_id, ordinal
 FROM (
    SELECT * FROM passage
    WHERE space_id = ($1::uuid[])[{space}] AND posted
      AND said_at >= lower($7::tstzmultirange) AND said_at < upper($7::tstzmultirange)  -- for the index
    UNION ALL
    SELECT * FROM passage WHERE space_id = ($1::uuid[])[{space}] AND NOT posted
 ) AS said
 WHERE said_at <@ $7::tstzmultirange
 ORDER BY CASE WHEN model = $4 THEN embedding <#> $5::halfvec END LIMIT 200)

-- name: near
-- By meaning, in one space, exactly and from the index alone.
(SELECT space_id, subject_id, ordinal FROM passage
 WHERE space_id = ($1::uuid[])[{space}] AND model = $4 AND NOT large
 ORDER BY embedding <#> $5::halfvec LIMIT 200)

-- name: far
-- By meaning, in the HNSW tier of one space.
(SELECT space_id, subject_id, ordinal FROM passage
 WHERE space_id = ($1::uuid[])[{space}] AND model = $4 AND vector_dims(placed) = {placed}
   AND (SELECT promoted FROM space_statistics WHERE space_id = ($1::uuid[])[{space}])
 ORDER BY placed::halfvec({placed}) <=> (SELECT ($5::halfvec || space_direction(($1::uuid[])[{space}]))::halfvec({placed}))
 LIMIT 150)

-- name: worded
-- By words, in one space, exactly and from the index alone.
(SELECT space_id, subject_id, ordinal FROM passage
 WHERE space_id = ($1::uuid[])[{space}] AND NOT posted AND (SELECT terms FROM asked WHERE space_id = ($1::uuid[])[{space}]) IS NOT NULL
 ORDER BY terms <#> (SELECT terms FROM asked WHERE space_id = ($1::uuid[])[{space}]) LIMIT 200)

-- name: posted
-- By words, in the postings of one space: by those that together stand in {read} passages, the rarest first. What
-- the others weigh is little, and is compared in the end; and who has less than a twelfth of the best is not.
-- Beyond {posted}, only who has nearly as much as the best: where all words asked are common, meaning decides.
(SELECT ($1::uuid[])[{space}], subject_id, ordinal
 FROM (
    SELECT subject_id, ordinal, weight, first_value(weight) OVER best_first AS most, row_number() OVER best_first AS at
    FROM (
        SELECT subject_id, ordinal, sum(standing.weight) AS weight
        FROM (
            SELECT dimension, power(ln(1 + (s.passages - t.passages + .5) / (t.passages + .5)), 2)::real AS weight,
                   sum(t.passages) OVER (ORDER BY t.passages, dimension) AS together,
                   row_number() OVER (ORDER BY t.passages, dimension) AS rank
            FROM space_statistics s JOIN term t USING (space_id)
            WHERE s.space_id = ($1::uuid[])[{space}] AND t.space_id = ($1::uuid[])[{space}]
              AND dimension = ANY ($3::integer[])
        ) AS word CROSS JOIN LATERAL (
            SELECT subject_id, ordinal, p.weight * word.weight AS weight FROM posting p
            WHERE space_id = ($1::uuid[])[{space}] AND p.dimension = word.dimension LIMIT {longest}
        ) AS standing
        WHERE together <= {read} OR rank = 1
        GROUP BY subject_id, ordinal
        ORDER BY weight DESC LIMIT {most}
    ) AS best
    WINDOW best_first AS (ORDER BY weight DESC)
 ) AS listed
 WHERE weight >= most * CASE WHEN at <= {posted} THEN 1 / 12. ELSE .6 END)

-- name: texts
-- The texts of the subjects asked for, and of the messages within $3 before and after each, in order;
-- with the vectors that their passages have by the model $2.
WITH asked AS MATERIALIZED (
    {asked}
), spot AS (
    SELECT conversation_id, position FROM message
    WHERE space_id = $1 AND message_id = ANY (ARRAY(SELECT subject_id FROM asked))
), near AS (
    SELECT subject_id FROM asked
    UNION
    SELECT beside.message_id FROM spot CROSS JOIN LATERAL (
        (SELECT message_id FROM message m
         WHERE space_id = $1 AND m.conversation_id = spot.conversation_id AND m.position < spot.position
           AND replaced_by IS NULL
         ORDER BY m.position DESC LIMIT $3)
        UNION ALL
        (SELECT message_id FROM message m
         WHERE space_id = $1 AND m.conversation_id = spot.conversation_id AND m.position > spot.position
           AND replaced_by IS NULL
         ORDER BY m.position LIMIT $3)
    ) AS beside
), subject AS (
    SELECT message_id AS subject_id, false AS of_memory, conversation_id, position, role, author_name, sent_at AS said_at,
           CASE WHEN replaced_by IS NULL THEN text ELSE '' END AS text, false AS is_superseded,
           indexed_at IS NOT NULL AS is_indexed
    FROM message WHERE space_id = $1 AND message_id = ANY (ARRAY(SELECT subject_id FROM near))
    UNION ALL
    SELECT memory_id, true, NULL, NULL, 'person', '', said_at, text, superseded_at IS NOT NULL, indexed_at IS NOT NULL
    FROM memory WHERE space_id = $1 AND memory_id = ANY (ARRAY(SELECT subject_id FROM asked))
)
SELECT subject_id, of_memory, conversation_id, role, author_name, said_at, text, is_superseded, is_indexed,
       subject_id IN (SELECT subject_id FROM asked) AS is_asked, vectors.ordinals, vectors.owns
FROM subject LEFT JOIN LATERAL (
    SELECT array_agg(ordinal ORDER BY ordinal) AS ordinals, array_agg(own ORDER BY ordinal) AS owns FROM passage p
    WHERE p.space_id = $1 AND p.subject_id = subject.subject_id AND p.model = $2
) AS vectors ON is_indexed
ORDER BY of_memory, conversation_id, position

-- name: unindexed
-- What waits in a conversation, and of its space's memories: at most $4 of each, of $6 bytes.
SELECT subject_id FROM (
    SELECT message_id AS subject_id, sum(octet_length(text)) OVER (ORDER BY position) - octet_length(text) AS before
    FROM (SELECT message_id, text, position FROM message
          WHERE space_id = $1 AND conversation_id = $5 AND indexed_at IS NULL ORDER BY position LIMIT $4) AS said
) AS waiting
WHERE before < $6
UNION ALL
(SELECT memory_id FROM memory WHERE space_id = $1 AND indexed_at IS NULL LIMIT $4)

-- name: stale
-- Subjects with passages whose vectors another model made, or none: at most $4.
SELECT DISTINCT subject_id FROM passage
WHERE space_id = $1 AND model <> $2
  AND NOT EXISTS (SELECT FROM space_statistics WHERE space_id = $1 AND model = $2)
LIMIT $4

-- name: settle
-- All vectors of a space are by this model now. Where that is noted already, no passage is read.
UPDATE space_statistics s SET model = $2
WHERE space_id = $1
  AND CASE WHEN model <> $2 THEN NOT EXISTS (SELECT FROM passage p WHERE p.space_id = $1 AND p.model <> $2) END

-- name: ask_to_reindex
-- Index work for those of the spaces $1 that are not noted as by the model $2, unless it is asked for already; in the
-- name of the space, for in the team's there is no conversation.
INSERT INTO work (space_id, kind, subject_id, route)
SELECT space_id, 'index', space_id, '' FROM space_statistics
WHERE space_id = ANY ($1::uuid[]) AND model <> $2
ORDER BY space_id
ON CONFLICT DO NOTHING

-- name: write
-- Passages of subjects that have none yet, and new vectors and terms of others; nothing at all if one of the
-- subjects $2, which the passages rest on, is gone. $3 the model; then a row a passage, and in $19 whether the model is
-- done with it: if so without a vector, it refuses it. A subject that somebody else has indexed meanwhile only has its
-- passages renewed. When all of the conversation $17 is indexed, that is asked for no more; what remains to be done for
-- its space, a worker does soon.
WITH spared AS MATERIALIZED (
    -- Nothing is forgotten in the space until this ends. Others write beside it.
    SELECT pg_advisory_xact_lock_shared(uuid_hash_extended($1::uuid, 0))
), held AS (
    SELECT message_id FROM message
    WHERE (SELECT count(*) FROM spared) > 0  -- so that this is before any row is locked
      AND space_id = $1 AND message_id = ANY ($2::uuid[])
    ORDER BY message_id FOR UPDATE
), kept AS (
    SELECT memory_id FROM memory
    WHERE (SELECT count(*) FROM spared) > 0
      AND space_id = $1 AND memory_id = ANY ($2::uuid[])
    ORDER BY memory_id FOR UPDATE
), whole AS MATERIALIZED (
    SELECT (SELECT count(*) FROM held) + (SELECT count(*) FROM kept) = cardinality($2::uuid[]) AS is_whole
), marked AS (
    UPDATE message SET indexed_at = now() FROM whole
    -- Said so that not all that waits anywhere is read for it.
    WHERE is_whole AND space_id = $1 AND message_id = ANY ($4::uuid[]) AND coalesce(indexed_at, 'infinity') = 'infinity'
    RETURNING message_id AS subject_id
), marked_memory AS (
    UPDATE memory SET indexed_at = now() FROM whole
    WHERE is_whole AND space_id = $1 AND memory_id = ANY ($4::uuid[]) AND coalesce(indexed_at, 'infinity') = 'infinity'
    RETURNING memory_id AS subject_id
), done AS (
    SELECT subject_id FROM marked UNION ALL SELECT subject_id FROM marked_memory
), piece AS MATERIALIZED (
    SELECT * FROM unnest(
        $5::uuid[], $6::integer[], $7::boolean[], $8::integer[], $9::integer[], $10::timestamptz[], $11::text[],
        $12::real[], $13::halfvec[], $14::halfvec[], $15::sparsevec[], $16::text[], $19::boolean[]
    ) AS piece (subject_id, ordinal, of_memory, starts, ends, said_at, author, prior, own, embedding, terms, words, is_done)
), made AS (
    INSERT INTO passage (space_id, subject_id, ordinal, of_memory, starts, ends, said_at, author, prior, model, own,
                         embedding, terms, words)
    SELECT $1, subject_id, ordinal, of_memory, starts, ends, said_at, author::integer[], prior,
           CASE WHEN is_done THEN $3 ELSE '' END, own, embedding, terms, words::integer[]
    FROM piece JOIN done USING (subject_id)
    RETURNING words, model, author
), counted AS (
    INSERT INTO space_statistics AS s (space_id, passages, model, authors)
    SELECT $1, count(*), CASE WHEN bool_and(model = $3) THEN $3 ELSE '' END,
           ARRAY(SELECT DISTINCT unnest(author) FROM made)
    FROM made HAVING count(*) > 0
        -- Or vectors that are there already are now by another model than is noted.
        OR (SELECT is_whole FROM whole) AND EXISTS (SELECT FROM piece WHERE is_done)
           AND EXISTS (SELECT FROM space_statistics WHERE space_id = $1 AND model NOT IN ('', $3))
    ON CONFLICT (space_id) DO UPDATE SET passages = s.passages + excluded.passages,
                                         model = CASE WHEN s.model = excluded.model THEN s.model ELSE '' END,
                                         authors = ARRAY(SELECT unnest(s.authors) UNION SELECT unnest(excluded.authors))
    RETURNING space_id, passages, model
), spread AS (
    -- In order, and after the row above: so two writers of one space can't wait for each other.
    INSERT INTO term AS t (space_id, dimension, passages)
    SELECT counted.space_id, dimension, count(*) FROM counted, made, unnest(words) AS dimension
    GROUP BY counted.space_id, dimension ORDER BY dimension
    ON CONFLICT (space_id, dimension) DO UPDATE SET passages = t.passages + excluded.passages
), renewed AS (
    UPDATE passage SET terms = piece.terms,
                       embedding = CASE WHEN is_done THEN piece.embedding ELSE passage.embedding END,
                       own = CASE WHEN is_done THEN piece.own ELSE passage.own END,
                       model = CASE WHEN is_done THEN $3 ELSE passage.model END,
                       large = false, posted = false, placed = NULL
    FROM piece, whole
    WHERE is_whole AND passage.space_id = $1 AND passage.subject_id = ANY ($5::uuid[])
      AND passage.subject_id = piece.subject_id
      AND passage.ordinal = piece.ordinal
), unlisted AS (
    DELETE FROM posting USING whole
    WHERE is_whole AND space_id = $1 AND posting.ctid = ANY (ARRAY(
        SELECT listed.ctid FROM passage p CROSS JOIN words_of(CASE WHEN p.posted THEN p.terms END) AS word CROSS JOIN LATERAL (
            SELECT ctid FROM posting
            WHERE space_id = $1 AND dimension = word.dimension AND subject_id = p.subject_id AND ordinal = p.ordinal
            OFFSET 0  -- one by one: a join would read all postings of the space
        ) AS listed
        WHERE p.space_id = $1 AND p.subject_id = ANY ($5::uuid[])))
), rest AS MATERIALIZED (
    SELECT EXISTS (SELECT FROM message
                   WHERE space_id = $1 AND conversation_id = $17 AND indexed_at IS NULL AND message_id <> ALL ($4::uuid[]))
        OR EXISTS (SELECT FROM memory
                   WHERE space_id = $1 AND indexed_at IS NULL AND memory_id <> ALL ($4::uuid[])) AS has_more,
           -- A space that has grown large goes to its tiers, and vectors of another model, or none, are made anew.
           EXISTS (SELECT FROM (
               SELECT model, passages FROM space_statistics WHERE space_id = $1
               UNION ALL
               SELECT model, passages FROM counted) AS stands
           WHERE model = '' OR model <> $3 OR passages > $18) AS is_left,
           (SELECT wakes FROM work WHERE space_id = $1 AND kind = 'index' AND subject_id = $17) AS wakes
), unasked AS (
    DELETE FROM work USING whole, rest
    WHERE is_whole AND NOT has_more AND NOT is_left
      AND work.wakes = rest.wakes  -- nobody has asked since
      AND space_id = $1 AND kind = 'index' AND subject_id = $17 AND lease_until IS NULL
), handed_over AS (
    UPDATE work SET due_at = now() + interval '5 seconds' FROM whole, rest
    WHERE is_whole AND NOT has_more AND is_left
      AND space_id = $1 AND kind = 'index' AND subject_id = $17 AND lease_until IS NULL
      AND due_at > now() + interval '5 seconds'
)
SELECT is_whole, (SELECT count(*) FROM done) AS done, has_more FROM whole, rest

-- name: promote
-- Moves $2 passages of a space that has grown beyond $3 to the tier of words, and beyond $4 also to that of vectors, where
-- $6 wait: the words that stand in $5 passages at most, or a tenth of them, to postings, and vectors of dimensions that
-- have one to HNSW. What somebody writes just then stays: this waits for nobody while it holds a passage.
WITH noted AS (
    UPDATE space_statistics SET promoted = true
    WHERE space_id = $1 AND NOT promoted AND passages > $4
    RETURNING space_id
), size AS MATERIALIZED (
    SELECT passages > $3 AS is_large, passages > $4 AS is_far, greatest($5::integer, passages / 10) AS common
    FROM space_statistics
    WHERE space_id = $1
      AND (SELECT count(*) FROM noted) >= 0  -- so that this is before: who writes has that row, and waits for passages
), waiting AS MATERIALIZED (
    (SELECT ctid FROM passage
     WHERE space_id = $1 AND (SELECT is_large FROM size) AND NOT posted
     LIMIT greatest($2::integer, $6))
    UNION ALL
    (SELECT ctid FROM passage
     WHERE space_id = $1 AND (SELECT is_far FROM size)
       AND posted AND NOT large AND vector_dims(embedding) IN (384, 512, 768, 1024)
     LIMIT greatest($2::integer, $6))
), picked AS MATERIALIZED (
    SELECT passage.ctid FROM passage
    WHERE space_id = $1 AND (SELECT count(*) FROM waiting) >= $6
      AND passage.ctid = ANY (ARRAY(SELECT ctid FROM waiting LIMIT $2))
    FOR UPDATE SKIP LOCKED
), moved AS (
    UPDATE passage SET
        posted = true,
        large = is_far AND coalesce(vector_dims(embedding) IN (384, 512, 768, 1024), false),
        placed = CASE WHEN is_far AND vector_dims(embedding) IN (384, 512, 768, 1024)
                 THEN embedding || (SELECT space_direction($1)) END
    FROM size
    WHERE space_id = $1 AND passage.ctid = ANY (ARRAY(SELECT ctid FROM picked))
    RETURNING subject_id, ordinal, terms
), listed AS (
    INSERT INTO posting (space_id, dimension, subject_id, ordinal, weight)
    SELECT $1, dimension, subject_id, ordinal, weight
    FROM moved CROSS JOIN words_of(terms) AS word CROSS JOIN LATERAL (
        SELECT passages FROM term WHERE space_id = $1 AND dimension = word.dimension
        OFFSET 0  -- one by one: a join would read all words of the space
    ) AS counted
    WHERE passages <= (SELECT common FROM size)
    ON CONFLICT (space_id, dimension, subject_id, ordinal) DO UPDATE SET weight = excluded.weight
)
SELECT count(*) FROM moved
