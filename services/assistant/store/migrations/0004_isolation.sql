-- Row-level security on every table that holds a space but `work`, forced; and the application role's rights.
-- The application role is made beforehand (deploy/database/roles.sql, or the embedded server's start).

DO $$
DECLARE
    name text;
BEGIN
    FOR name IN
        SELECT table_name FROM information_schema.columns
        WHERE table_schema = current_schema AND column_name = 'space_id' AND table_name NOT IN ('work', 'chat')
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY scope ON %I USING (space_id = ANY ('
            'coalesce(nullif(current_setting(''remi.spaces'', true), ''''), ''{}'')::uuid[]))', name);
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA public TO remi_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO remi_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO remi_app;
