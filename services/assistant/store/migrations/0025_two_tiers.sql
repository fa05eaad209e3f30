-- A space's words go to postings before its vectors go to the HNSW tier: what follows when it has grown further.
CREATE INDEX passage_to_place ON passage (space_id)
    WHERE posted AND NOT large AND vector_dims(embedding) IN (384, 512, 768, 1024);

-- Twice as far apart as before: people speak of the same things, and a walk of the index that comes upon those of another
-- space must be nearer to whatever else is in its own.
CREATE OR REPLACE FUNCTION space_direction(space_id uuid) RETURNS halfvec LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (SELECT ('[' || string_agg(CASE get_bit(digest, number) WHEN 1 THEN '.25' ELSE '-.25' END, ',') || ']')::halfvec
            FROM sha256(uuid_send(space_id)) AS digest, generate_series(0, 31) AS number);

-- More words have postings now. What was in the tiers is searched exactly until it is there again.
TRUNCATE posting;
ALTER TABLE passage NO FORCE ROW LEVEL SECURITY;
ALTER TABLE space_statistics NO FORCE ROW LEVEL SECURITY;
UPDATE passage SET posted = false, large = false, placed = NULL WHERE posted;
UPDATE space_statistics SET promoted = false WHERE promoted;
ALTER TABLE passage FORCE ROW LEVEL SECURITY;
ALTER TABLE space_statistics FORCE ROW LEVEL SECURITY;

-- What was said when a question says: without it, all of a large space is read for that. Of what is posted only: who
-- looks for one passage must not find all those of its space in this index.
CREATE INDEX passage_dated ON passage (space_id, said_at) WHERE posted;

-- The indexes of what isn't in the tiers keep the pages that it left, and seem to cost more than they do; where the planner
-- took a space for a twentieth of the table, it read all of it by the primary key instead. So it takes it for all.
ALTER TABLE passage ALTER space_id SET (n_distinct = 1);
ANALYZE passage (space_id);
