-- Run once with psql, as a superuser, in the empty database that Remi is to use. The Postgres image of
-- docker-compose.yml does so at its first start; by hand:
--     POSTGRES_OWNER_PASSWORD=... POSTGRES_APP_PASSWORD=... psql -v ON_ERROR_STOP=1 -f deploy/database/roles.sql remi
-- remi_owner owns the schema and migrates it. remi_app is what the assistant works as: it owns nothing, so
-- row-level security holds for it.

-- From the environment, so that no password stands in a list of processes. An unset one ends the script.
\getenv owner_password POSTGRES_OWNER_PASSWORD
\getenv app_password POSTGRES_APP_PASSWORD

CREATE ROLE remi_owner LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'owner_password';
CREATE ROLE remi_app LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'app_password';
-- Only a superuser may add it; the migrations find it there.
CREATE EXTENSION IF NOT EXISTS vector;
ALTER SCHEMA public OWNER TO remi_owner;
