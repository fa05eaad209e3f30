-- What was learned, and what makes talk findable. Vectors and word weights stand in covering indexes, so that a
-- small space is searched exactly and without touching the table; a large one goes to the HNSW tier.

CREATE TABLE memory (
    space_id uuid NOT NULL,
    memory_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('fact', 'instruction', 'event', 'profile')),
    text text NOT NULL,
    said_at timestamptz NOT NULL,           -- when its newest source was said
    learned_at timestamptz NOT NULL,
    superseded_at timestamptz,              -- when it stopped being true; null while it holds
    superseded_by uuid,
    indexed_at timestamptz,
    PRIMARY KEY (space_id, memory_id)
);
CREATE INDEX memory_in_order ON memory (space_id, learned_at, memory_id);
CREATE INDEX memory_standing ON memory (space_id, learned_at)
    WHERE kind IN ('instruction', 'profile') AND superseded_at IS NULL;
CREATE INDEX memory_to_index ON memory (space_id) WHERE indexed_at IS NULL;
CREATE INDEX memory_superseded ON memory (space_id, superseded_by) WHERE superseded_by IS NOT NULL;
ALTER TABLE memory ALTER text SET STATISTICS 0;

CREATE TABLE memory_source (
    space_id uuid NOT NULL,
    memory_id uuid NOT NULL,
    message_id uuid NOT NULL,
    quote text NOT NULL,                    -- stands verbatim in the message: code has looked
    PRIMARY KEY (space_id, memory_id, message_id)
);
CREATE INDEX memory_source_of_message ON memory_source (space_id, message_id);
ALTER TABLE memory_source ALTER quote SET STATISTICS 0;

-- A stretch of a message or of a memory that recall can find.
CREATE TABLE passage (
    space_id uuid NOT NULL,
    subject_id uuid NOT NULL,               -- the message or the memory
    ordinal integer NOT NULL,
    of_memory boolean NOT NULL,
    starts integer NOT NULL,                -- code points [starts, ends) of the subject's text
    ends integer NOT NULL,
    said_at timestamptz NOT NULL,
    author integer[] NOT NULL,              -- dimensions of the author's name
    prior real NOT NULL,                    -- what speaks for it whatever is asked
    model text NOT NULL,                    -- the embedder's name, dimensions included; empty while it has no vector
    own halfvec,                            -- the vector of the passage alone
    embedding halfvec,                      -- with its neighbours' share: what recall compares
    terms sparsevec NOT NULL,               -- BM25 weights, its neighbours' share included; a dimension is a hashed word
    words integer[] NOT NULL,               -- dimensions of its own words: what `term` counts
    large boolean NOT NULL DEFAULT false,   -- belongs to the HNSW tier
    PRIMARY KEY (space_id, subject_id, ordinal),
    CHECK ((model = '') = (embedding IS NULL) AND (model = '') = (own IS NULL))
) WITH (toast_tuple_target = 8160);
CREATE INDEX passage_near ON passage (space_id, model) INCLUDE (subject_id, ordinal, embedding) WHERE NOT large;
CREATE INDEX passage_terms ON passage (space_id) INCLUDE (subject_id, ordinal, terms);
CREATE INDEX passage_far_384 ON passage USING hnsw ((embedding::halfvec(384)) halfvec_cosine_ops)
    WHERE large AND vector_dims(embedding) = 384;
CREATE INDEX passage_far_512 ON passage USING hnsw ((embedding::halfvec(512)) halfvec_cosine_ops)
    WHERE large AND vector_dims(embedding) = 512;
CREATE INDEX passage_far_768 ON passage USING hnsw ((embedding::halfvec(768)) halfvec_cosine_ops)
    WHERE large AND vector_dims(embedding) = 768;
CREATE INDEX passage_far_1024 ON passage USING hnsw ((embedding::halfvec(1024)) halfvec_cosine_ops)
    WHERE large AND vector_dims(embedding) = 1024;
ALTER TABLE passage ALTER own SET STATISTICS 0, ALTER embedding SET STATISTICS 0, ALTER terms SET STATISTICS 0,
    ALTER words SET STATISTICS 0;

-- In how many passages of a space a word stands. The word is a hash under the space's key.
CREATE TABLE term (
    space_id uuid NOT NULL,
    dimension integer NOT NULL,
    passages integer NOT NULL,
    PRIMARY KEY (space_id, dimension)
) WITH (fillfactor = 80);

CREATE TABLE space_statistics (
    space_id uuid PRIMARY KEY,
    passages integer NOT NULL,
    model text NOT NULL,                    -- who made all its vectors; empty while some are another's, or lack
    promoted boolean NOT NULL DEFAULT false -- some of its passages are in the HNSW tier
);
