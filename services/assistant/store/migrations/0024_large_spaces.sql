-- A scope for a statement that goes by the orders which indexes give. The planner takes every space for small, and would
-- rather sort what lies in it.
CREATE DOMAIN indexed_scope AS uuid[]
    CHECK (set_config('remi.spaces', VALUE::text, true) IS NOT NULL
           AND set_config('enable_sort', 'off', true) IS NOT NULL);

-- The policy repeats the condition on the space, so by the true number of spaces a large one looks like a row or two; and
-- for so few an index of all passages costs no more than those of what isn't in the tiers. Twenty spaces let it look like a
-- twentieth of itself.
ALTER TABLE passage ALTER space_id SET (n_distinct = 20);
ANALYZE passage (space_id);

-- With 24 neighbours instead of 16 hardly a passage is without a way to it: among spaces of 5,000 to 10,000 passages, the
-- nearest twenty of one are found to 99 %, not to 98.
SET LOCAL maintenance_work_mem = '1GB';
DROP INDEX passage_placed_384, passage_placed_512, passage_placed_768, passage_placed_1024;
CREATE INDEX passage_placed_384 ON passage USING hnsw ((placed::halfvec(416)) halfvec_cosine_ops)
    WITH (m = 24, ef_construction = 128) WHERE vector_dims(placed) = 416;
CREATE INDEX passage_placed_512 ON passage USING hnsw ((placed::halfvec(544)) halfvec_cosine_ops)
    WITH (m = 24, ef_construction = 128) WHERE vector_dims(placed) = 544;
CREATE INDEX passage_placed_768 ON passage USING hnsw ((placed::halfvec(800)) halfvec_cosine_ops)
    WITH (m = 24, ef_construction = 128) WHERE vector_dims(placed) = 800;
CREATE INDEX passage_placed_1024 ON passage USING hnsw ((placed::halfvec(1056)) halfvec_cosine_ops)
    WITH (m = 24, ef_construction = 128) WHERE vector_dims(placed) = 1056;
