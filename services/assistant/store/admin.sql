-- name: admins
-- Who is an admin. One admin act at a time: the next one waits here, and sees what this one changed.
SELECT person_id FROM person WHERE role = 'admin' ORDER BY person_id FOR NO KEY UPDATE

-- name: members
-- Everybody known, who joined first comes first, with their accounts.
SELECT p.person_id, p.role, p.joined_at, p.turns_a_day,
       array_agg(i.platform ORDER BY i.platform, i.user_id) AS platforms,
       array_agg(i.user_id ORDER BY i.platform, i.user_id) AS user_ids,
       array_agg(i.display_name ORDER BY i.platform, i.user_id) AS names
FROM person p JOIN identity i USING (person_id)
GROUP BY p.person_id ORDER BY p.joined_at, p.person_id

-- name: set_role
UPDATE person SET role = $2 WHERE person_id = $1 RETURNING true

-- name: set_limit
UPDATE person SET turns_a_day = $2 WHERE person_id = $1 RETURNING true

-- name: audit
-- The newest entries, of those before $1 where it is given.
SELECT audit_id, at, person_id, action, subject_id FROM audit
WHERE $1::bigint IS NULL OR audit_id < $1
ORDER BY audit_id DESC LIMIT $2

-- name: usage
-- What each person used on the days [$1, $2], most turns first.
SELECT person_id, sum(turns)::int AS turns, sum(prompt_tokens)::bigint AS prompt_tokens,
       sum(completion_tokens)::bigint AS completion_tokens
FROM usage WHERE day BETWEEN $1 AND $2
GROUP BY person_id ORDER BY turns DESC, person_id
