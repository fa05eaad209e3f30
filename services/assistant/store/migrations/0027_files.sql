-- A file that the gateway brings into memory; what became of it is told in the place of the delivery's text.
ALTER TABLE delivery ADD fetches jsonb;
ALTER TABLE delivery ALTER fetches SET STATISTICS 0;
