-- A space's words go to postings before its vectors go to the HNSW tier: what follows when it has grown further.
CREATE INDEX passage_to_place ON passage (space_id)
    WHERE posted AND NOT large AND vector_dims(embedding) IN (384, 512, 768, 1024);

-- What was said when a question says: without it, all of a large space is read for that. Of what is posted only: who
-- looks for one passage must not find all those of its space in this index.
CREATE INDEX passage_dated ON passage (space_id, said_at) WHERE posted;

-- The indexes of what isn't in the tiers keep the pages that it left, and seem to cost more than they do; where the planner
-- took a space for a twentieth of the table, it read all of it by the primary key instead. So it takes it for all.
ALTER TABLE passage ALTER space_id SET (n_distinct = 1);
ANALYZE passage (space_id);
