-- name: claim
-- Leases up to $4 due rows of a kind (and, given one, a route). A row is held by one worker at a time.
-- `was_left`: whoever had it before said no word of it until the lease ended.
UPDATE work SET lease_until = now() + $3, attempt = attempt + 1, holder = $5
FROM (
    SELECT space_id, kind, subject_id, lease_until FROM work
    WHERE kind = $1 AND ($2::text IS NULL OR route = $2)
      AND due_at <= now() AND (lease_until IS NULL OR lease_until < now())
    ORDER BY due_at LIMIT $4
) AS due
WHERE work.space_id = due.space_id AND work.kind = due.kind AND work.subject_id = due.subject_id
  AND (work.lease_until IS NULL OR work.lease_until < now())
RETURNING work.space_id, work.subject_id, work.route, work.attempt, work.wakes, due.lease_until IS NOT NULL AS was_left

-- name: reclaim
-- One row again, if it is still this holder's or nobody's; no row otherwise.
UPDATE work SET lease_until = now() + $4, attempt = attempt + 1, holder = $5
WHERE space_id = $1 AND kind = $2 AND subject_id = $3
  AND (holder = $5 OR lease_until IS NULL OR lease_until < now())
RETURNING attempt, wakes

-- name: renew
-- Keeps what this worker still holds.
UPDATE work SET lease_until = now() + $4
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS held (space_id, subject_id, holder)
WHERE work.space_id = held.space_id AND work.kind = 'turn' AND work.subject_id = held.subject_id
  AND work.holder = held.holder

-- name: ask
-- Something is to be done; if it is asked for already, its row says so once more.
INSERT INTO work AS w (space_id, kind, subject_id, route, due_at) VALUES ($1, $2, $3, $4, now() + $5)
ON CONFLICT (space_id, kind, subject_id) DO UPDATE SET wakes = w.wakes + 1

-- name: begin
-- What nobody has tried yet is due now; what failed before rests on.
UPDATE work SET due_at = now()
WHERE space_id = $1 AND kind = $2 AND subject_id = ANY ($3::uuid[]) AND attempt = 0 AND due_at > now()

-- name: done
-- The row goes, unless it was asked for again since it was claimed, or is somebody else's by now.
DELETE FROM work WHERE space_id = $1 AND kind = $2 AND subject_id = $3 AND wakes = $4 AND holder = $5
RETURNING true

-- name: put_back
-- Not done: due again after a while. Nothing happens if it is somebody else's by now.
UPDATE work SET lease_until = NULL, holder = NULL, due_at = now() + $4
WHERE space_id = $1 AND kind = $2 AND subject_id = $3 AND holder = $5
