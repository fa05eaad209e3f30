-- A passage whose text its model refuses has that model's name, and no vector: it is not asked for again.
ALTER TABLE passage DROP CONSTRAINT passage_check;
