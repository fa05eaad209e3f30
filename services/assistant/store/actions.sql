-- name: offer
-- What a button stands for, for one person and a while; what has expired in this space goes.
WITH expired AS (
    DELETE FROM action WHERE space_id = $1 AND expires_at < now()
)
INSERT INTO action (space_id, action_id, person_id, verb, arguments, expires_at)
VALUES ($1, $2, $3, $4, $5, now() + $6)

-- name: find
SELECT person_id, verb, arguments FROM action WHERE space_id = $1 AND action_id = $2 AND expires_at > now()

-- name: drop
DELETE FROM action WHERE space_id = $1 AND action_id = ANY ($2::uuid[])
