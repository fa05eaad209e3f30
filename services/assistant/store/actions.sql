-- name: offer
-- What buttons stand for, each for one person and a while; what has expired in this space goes.
WITH expired AS (
    DELETE FROM action WHERE space_id = $1 AND expires_at < now()
)
INSERT INTO action (space_id, action_id, person_id, verb, arguments, expires_at)
SELECT $1, action_id, person_id, verb, arguments, now() + $6
FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::jsonb[]) AS offered (action_id, person_id, verb, arguments)

-- name: find
SELECT person_id, verb, arguments FROM action WHERE space_id = $1 AND action_id = $2 AND expires_at > now()

-- name: numbered
-- What a number stands for in the newest list of a person.
SELECT action_id, verb, arguments FROM action
WHERE space_id = $1 AND person_id = $2 AND expires_at > now()
  AND arguments #>> '{number,0}' = $3
  AND arguments -> 'list' = (SELECT arguments -> 'list' FROM action
                             WHERE space_id = $1 AND person_id = $2 AND arguments ?& '{number,list}'
                             ORDER BY expires_at DESC LIMIT 1)
ORDER BY expires_at DESC LIMIT 1

-- name: drop
DELETE FROM action WHERE space_id = $1 AND action_id = ANY ($2::uuid[])
