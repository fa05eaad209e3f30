-- Hashed words of the names of all who said what is indexed: a question is embedded without these names.
ALTER TABLE space_statistics ADD authors integer[] NOT NULL DEFAULT '{}';
ALTER TABLE space_statistics ALTER authors SET STATISTICS 0;

ALTER TABLE passage NO FORCE ROW LEVEL SECURITY;
ALTER TABLE space_statistics NO FORCE ROW LEVEL SECURITY;
UPDATE space_statistics s SET authors = said.authors
FROM (SELECT space_id, array_agg(DISTINCT name) AS authors FROM passage CROSS JOIN unnest(author) AS name GROUP BY space_id) AS said
WHERE said.space_id = s.space_id;
ALTER TABLE passage FORCE ROW LEVEL SECURITY;
ALTER TABLE space_statistics FORCE ROW LEVEL SECURITY;
