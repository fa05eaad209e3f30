-- Run once as a superuser, in the database Remi is to use, with psql -v app_password=... -v owner_password=...
-- remi_owner owns the schema and migrates it; remi_app is what the service connects as, and cannot bypass
-- row-level security.
CREATE ROLE remi_owner LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'owner_password';
CREATE ROLE remi_app LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'app_password';
CREATE EXTENSION IF NOT EXISTS vector;
GRANT ALL ON SCHEMA public TO remi_owner;
