-- A space's words go to postings before its vectors go to the HNSW tier: what follows when it has grown further.
CREATE INDEX passage_to_place ON passage (space_id)
    WHERE posted AND NOT large AND vector_dims(embedding) IN (384, 512, 768, 1024);
