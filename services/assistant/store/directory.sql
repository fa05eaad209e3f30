-- name: find
-- One row, whatever is known: who the account is, and whether the chat was let in.
SELECT i.person_id, p.role, p.zone, p.language, i.display_name, c.space_id AS group_space,
       coalesce(c.listens, false) AS listens, c.told_at IS NULL AS is_news,
       EXISTS (SELECT FROM aside WHERE chat_space = c.space_id AND aside.platform = asked.platform
               AND aside.user_id = asked.user_id) AS is_aside
FROM (SELECT $1::text AS platform, $2::text AS user_id, $3::text AS chat_id) AS asked
LEFT JOIN identity i ON i.platform = asked.platform AND i.user_id = asked.user_id
LEFT JOIN person p ON p.person_id = i.person_id
LEFT JOIN chat_alias a ON a.platform = asked.platform AND a.chat_id = asked.chat_id
LEFT JOIN chat c ON c.platform = asked.platform AND c.chat_id = coalesce(a.known_as, asked.chat_id)

-- name: add_person
-- A new person with this account; if the account has come to be known meanwhile, nothing changes.
WITH account AS (
    INSERT INTO identity (platform, user_id, person_id, display_name) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING
    RETURNING person_id
)
INSERT INTO person (person_id, role) SELECT person_id, $5 FROM account

-- name: hold
-- A person who has an account, and keeps it until the caller's transaction ends.
SELECT true FROM identity WHERE person_id = $1 LIMIT 1 FOR SHARE

-- name: rename
-- The name an account shows now.
UPDATE identity SET display_name = $3 WHERE platform = $1 AND user_id = $2 AND display_name <> $3

-- name: promote
-- Lets a person in, or raises them, from the role $3; never lowers a role, and leaves one that was changed meanwhile.
UPDATE person SET role = $2
WHERE person_id = $1 AND role = $3
  AND array_position(ARRAY['removed', 'guest', 'member', 'admin'], role)
    < array_position(ARRAY['removed', 'guest', 'member', 'admin'], $2::text)

-- name: move
-- The time zone a person lives in now.
UPDATE person SET zone = $2 WHERE person_id = $1

-- name: role
SELECT role FROM person WHERE person_id = $1

-- name: speak
-- The language in which Remi answers a person; empty for the one they write in.
UPDATE person SET language = $2 WHERE person_id = $1

-- name: listen
UPDATE chat SET listens = $2 WHERE space_id = $1

-- name: tell
-- Remi has said in a group what it keeps there.
UPDATE chat SET told_at = now() WHERE space_id = $1 AND told_at IS NULL

-- name: is_news
SELECT EXISTS (SELECT FROM chat WHERE space_id = $1 AND told_at IS NULL)

-- name: group_keeps
-- What is kept in a group: also what isn't said to Remi? And of what this account says there, nothing?
SELECT coalesce((SELECT listens FROM chat WHERE space_id = $1), false) AS listens,
       EXISTS (SELECT FROM aside WHERE chat_space = $1 AND platform = $2 AND user_id = $3) AS leaves_out

-- name: step_aside
INSERT INTO aside (chat_space, platform, user_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING

-- name: step_back
DELETE FROM aside WHERE chat_space = $1 AND platform = $2 AND user_id = $3

-- name: admit_chat
-- Lets a group chat in; its space stays the same if it was in before.
INSERT INTO chat (platform, chat_id, space_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING

-- name: move_chat
-- A chat that was let in has another id now; one that was let in under that id already stays its own.
INSERT INTO chat_alias (platform, chat_id, known_as)
SELECT platform, $3, chat_id FROM chat
WHERE platform = $1 AND chat_id = $2 AND NOT EXISTS (SELECT FROM chat WHERE platform = $1 AND chat_id = $3)
ON CONFLICT DO NOTHING

-- name: invite
-- A code that works once, until it expires.
INSERT INTO invitation (code_digest, role, made_by, expires_at) VALUES ($1, $2, $3, $4)

-- name: redeem
-- Uses a code up; no row if there is none such, or it was used or has expired.
UPDATE invitation SET used_at = now(), used_by = $2
WHERE code_digest = $1 AND used_at IS NULL AND expires_at > now()
RETURNING role

-- name: tell_stranger
-- A row when this account is to be told how to be let in: at most once a day.
INSERT INTO stranger (account_hash, told_at) VALUES ($1, now())
ON CONFLICT (account_hash) DO UPDATE SET told_at = now() WHERE stranger.told_at < now() - interval '1 day'
RETURNING true

-- name: log
-- One line in the audit.
INSERT INTO audit (person_id, action, subject_id) VALUES ($1, $2, $3)

-- name: cursors
-- The newest committed message of each place of a bot.
SELECT chat_id, thread_id, chat_kind, message_id FROM cursor WHERE platform = $1 AND bot_id = $2

-- name: move_cursors
-- What was seen beyond the newest committed messages; cursors go forward only, and none is made here.
UPDATE cursor SET message_id = seen.message_id
FROM unnest($3::text[], $4::text[], $5::text[]) AS seen (chat_id, thread_id, message_id)
WHERE platform = $1 AND bot_id = $2 AND cursor.chat_id = seen.chat_id AND cursor.thread_id = seen.thread_id
  AND (length(seen.message_id), seen.message_id) > (length(cursor.message_id), cursor.message_id)

-- name: spaces
-- The private spaces of all people, and those of all groups.
SELECT person_id AS space_id FROM person UNION ALL SELECT space_id FROM chat
