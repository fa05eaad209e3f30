-- Words of a large space: in which passages each stands. A space that is searched whole needs none.

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

-- Its words are found by postings; until then, exactly.
ALTER TABLE passage ADD COLUMN posted boolean NOT NULL DEFAULT false;
CREATE INDEX passage_worded ON passage (space_id) INCLUDE (subject_id, ordinal, terms) WHERE NOT posted;
DROP INDEX passage_terms;

-- The words of a passage with their weights, from its `terms`.
CREATE FUNCTION words_of(terms sparsevec) RETURNS TABLE (dimension integer, weight real)
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 60 AS $$
    SELECT split_part(word, ':', 1)::integer, split_part(word, ':', 2)::real
    FROM string_to_table(trim('{}' FROM split_part(terms::text, '/', 1)), ',') AS word
    WHERE word <> ''
$$;
