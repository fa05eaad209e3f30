-- How a large space is searched: words by postings, vectors in an HNSW index that keeps spaces apart. A small space is
-- searched whole and needs neither.

CREATE TABLE posting (
    space_id uuid NOT NULL,
    dimension integer NOT NULL,             -- the word, as in `term`
    subject_id uuid NOT NULL,
    ordinal integer NOT NULL,
    weight real NOT NULL,                   -- the word's in the passage, as in its `terms`
    PRIMARY KEY (space_id, dimension, subject_id, ordinal) INCLUDE (weight)
);
ALTER TABLE posting ENABLE ROW LEVEL SECURITY;
ALTER TABLE posting FORCE ROW LEVEL SECURITY;
CREATE POLICY scope ON posting USING (space_id = ANY (
    coalesce(nullif(current_setting('remi.spaces', true), ''), '{}')::uuid[]));
GRANT SELECT, INSERT, UPDATE, DELETE ON posting TO remi_app;

ALTER TABLE passage
    ADD COLUMN posted boolean NOT NULL DEFAULT false,   -- it is in the tiers of large spaces
    ADD COLUMN placed halfvec;                          -- there, of a vector with an HNSW index: it and `space_direction`
ALTER TABLE passage ALTER placed SET STATISTICS 0;
CREATE INDEX passage_worded ON passage (space_id) INCLUDE (subject_id, ordinal, terms) WHERE NOT posted;
DROP INDEX passage_terms;

-- 32 numbers that hardly any other space has. With them behind every vector, each passage's nearest neighbours are of
-- its own space: the search of one space doesn't walk through the others.
CREATE FUNCTION space_direction(space_id uuid) RETURNS halfvec LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (SELECT ('[' || string_agg(CASE get_bit(digest, number) WHEN 1 THEN '.125' ELSE '-.125' END, ',') || ']')::halfvec
            FROM sha256(uuid_send(space_id)) AS digest, generate_series(0, 31) AS number);
CREATE INDEX passage_placed_384 ON passage USING hnsw ((placed::halfvec(416)) halfvec_cosine_ops) WITH (ef_construction = 128)
    WHERE vector_dims(placed) = 416;
CREATE INDEX passage_placed_512 ON passage USING hnsw ((placed::halfvec(544)) halfvec_cosine_ops) WITH (ef_construction = 128)
    WHERE vector_dims(placed) = 544;
CREATE INDEX passage_placed_768 ON passage USING hnsw ((placed::halfvec(800)) halfvec_cosine_ops) WITH (ef_construction = 128)
    WHERE vector_dims(placed) = 800;
CREATE INDEX passage_placed_1024 ON passage USING hnsw ((placed::halfvec(1056)) halfvec_cosine_ops) WITH (ef_construction = 128)
    WHERE vector_dims(placed) = 1056;
DROP INDEX passage_far_384, passage_far_512, passage_far_768, passage_far_1024;

-- What is in the old tier is searched exactly until it is in the new one. The owner sees all spaces meanwhile.
ALTER TABLE passage NO FORCE ROW LEVEL SECURITY;
UPDATE passage SET large = false WHERE large;
ALTER TABLE passage FORCE ROW LEVEL SECURITY;

-- The words of a passage with their weights, from its `terms`.
CREATE FUNCTION words_of(terms sparsevec) RETURNS TABLE (dimension integer, weight real)
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 60 AS $$
    SELECT split_part(word, ':', 1)::integer, split_part(word, ':', 2)::real
    FROM string_to_table(trim('{}' FROM split_part(terms::text, '/', 1)), ',') AS word
    WHERE word <> ''
$$;

-- Who looks for a memory's sources must not find all those of its space in this index: it is smaller than the primary
-- key, so the planner prefers it wherever it takes a space for small.
DROP INDEX memory_source_of_message;
CREATE INDEX memory_source_of_message ON memory_source (message_id, space_id);
