-- name: read
-- Deliveries and where they go. In a chat that has moved, the ids of its earlier messages mean nothing.
-- LIMIT: each is looked up by itself, whatever the planner believes of its space; so in what else is asked of several.
SELECT each.*
FROM unnest($1::uuid[], $2::uuid[]) AS asked (space_id, delivery_id), LATERAL (
    SELECT d.space_id, d.delivery_id, d.turn_id, coalesce(m.text, d.text) AS text, d.buttons, d.file_name,
           d.file_content, d.fetches, d.sent, d.state, d.created_at,
           c.platform, c.bot_id, coalesce(a.chat_id, c.chat_id) AS chat_id, c.thread_id, c.chat_kind,
           CASE WHEN a.chat_id IS NULL THEN d.reply_to ELSE '' END AS reply_to,
           CASE WHEN a.chat_id IS NULL THEN d.replaces ELSE '{}' END AS replaces
    FROM delivery d
    JOIN conversation c ON c.space_id = d.space_id AND c.conversation_id = d.conversation_id
    LEFT JOIN chat_alias a ON a.platform = c.platform AND a.known_as = c.chat_id
    LEFT JOIN message m ON m.space_id = d.space_id AND m.message_id = d.message_id
    WHERE d.space_id = asked.space_id AND d.delivery_id = asked.delivery_id
    LIMIT 1
) AS each

-- name: of_turn
-- The delivery that carries a turn's outcome.
SELECT delivery_id FROM delivery WHERE space_id = $1 AND turn_id = $2 ORDER BY created_at DESC LIMIT 1

-- name: held_back
-- Of these deliveries ($3), those that an older reply of their conversation holds back, which still waits to be sent;
-- a reply that is still being written is asked for by its conversation ($2) alone. A reminder holds no reply back.
-- Where no gateway listens for deliveries, as at a pipe, what has waited for too long ($4) is waited for no more.
-- OFFSET: worked out by itself, the conversation may be looked up in an index.
SELECT asked.delivery_id
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS asked (space_id, conversation_id, delivery_id)
LEFT JOIN LATERAL (
    SELECT conversation_id, created_at FROM delivery
    WHERE space_id = asked.space_id AND delivery_id = asked.delivery_id
    LIMIT 1
) AS mine ON true, LATERAL (
    SELECT coalesce(asked.conversation_id, mine.conversation_id) AS conversation_id OFFSET 0
) AS talk, LATERAL (
    SELECT FROM delivery older
    JOIN turn ON turn.space_id = older.space_id AND turn.turn_id = older.turn_id
    WHERE older.space_id = asked.space_id AND older.state = 'pending'
      AND older.conversation_id = talk.conversation_id
      AND (asked.delivery_id IS NULL OR (older.created_at, older.delivery_id) < (mine.created_at, asked.delivery_id))
      AND (older.created_at > now() - $4::interval
           OR EXISTS (SELECT FROM conversation c JOIN listening ON route = c.platform || ':' || c.bot_id
                      WHERE c.space_id = asked.space_id AND c.conversation_id = older.conversation_id
                        AND listening.at > now() - interval '1 minute'))
    LIMIT 1
) AS first

-- name: listen
-- A gateway keeps a Deliver stream for this bot.
INSERT INTO listening (route, at) VALUES ($1, now()) ON CONFLICT (route) DO UPDATE SET at = now()

-- name: settle
-- The platform has it all. Receipts make the parts findable; a text that is no message is not kept. What was put aside
-- with its outcome open is delivered after all; for what has its last word already, only receipts are added.
WITH known AS (
    SELECT d.conversation_id, d.message_id, d.turn_id
    FROM delivery d JOIN conversation c ON c.space_id = d.space_id AND c.conversation_id = d.conversation_id
    WHERE d.space_id = $1 AND d.delivery_id = $2 AND c.platform = $3
), settled AS (
    UPDATE delivery SET state = 'delivered', sent = $4, reason = '', text = '', file_content = '', fetches = NULL
    FROM known
    WHERE space_id = $1 AND delivery_id = $2 AND state IN ('pending', 'unknown', 'expired')
    RETURNING true
), standing AS (
    INSERT INTO receipt (space_id, conversation_id, platform_message_id, message_id, turn_id, part)
    SELECT $1, conversation_id, part.id, message_id, turn_id, part.number - 1
    FROM known, unnest($4::text[]) WITH ORDINALITY AS part (id, number)
    ON CONFLICT (space_id, conversation_id, platform_message_id)
        DO UPDATE SET message_id = excluded.message_id, turn_id = excluded.turn_id, part = excluded.part
), reminded AS (
    UPDATE occurrence SET state = 'done'
    WHERE space_id = $1 AND delivery_id = $2 AND state IN ('sent', 'failed') AND EXISTS (SELECT FROM settled)
), listed AS (
    DELETE FROM undelivered WHERE space_id = $1 AND delivery_id = $2 AND EXISTS (SELECT FROM settled)
), gone AS (
    DELETE FROM work WHERE space_id = $1 AND kind = 'deliver' AND subject_id = $2 AND EXISTS (SELECT FROM settled)
)
SELECT true FROM known

-- name: put_aside
-- It won't be tried again by itself: the operator sees it, and may have it sent again. The text is kept for that.
WITH aside AS (
    UPDATE delivery SET state = $4, reason = $5
    FROM conversation c
    WHERE delivery.space_id = $1 AND delivery_id = $2 AND state = 'pending' AND c.space_id = $1
      AND c.conversation_id = delivery.conversation_id AND c.platform = $3
    RETURNING delivery.created_at, c.platform || ':' || c.bot_id AS route, c.chat_id
), listed AS (
    INSERT INTO undelivered (space_id, delivery_id, route, chat_id, state, reason, attempts, created_at)
    SELECT $1, $2, aside.route, aside.chat_id, $4, $5, coalesce(w.attempt, 0), aside.created_at
    FROM aside LEFT JOIN work w ON w.space_id = $1 AND w.kind = 'deliver' AND w.subject_id = $2
), reminded AS (
    UPDATE occurrence SET state = 'failed'
    WHERE space_id = $1 AND delivery_id = $2 AND state = 'sent' AND $4 <> 'unknown' AND EXISTS (SELECT FROM aside)
), gone AS (
    DELETE FROM work WHERE space_id = $1 AND kind = 'deliver' AND subject_id = $2 AND EXISTS (SELECT FROM aside)
)
SELECT true FROM aside

-- name: standing
-- These parts stand, in order; what is told late takes none away, and changes nothing of what is delivered. No row: no
-- such delivery on this platform.
WITH known AS (
    SELECT d.conversation_id, d.message_id, d.turn_id, c.platform || ':' || c.bot_id AS route, c.chat_id
    FROM delivery d JOIN conversation c ON c.space_id = d.space_id AND c.conversation_id = d.conversation_id
    WHERE d.space_id = $1 AND d.delivery_id = $2 AND c.platform = $3
), standing AS (
    UPDATE delivery SET sent = $4
    FROM known
    WHERE space_id = $1 AND delivery_id = $2 AND state <> 'delivered' AND cardinality($4::text[]) > cardinality(sent)
), receipts AS (
    INSERT INTO receipt (space_id, conversation_id, platform_message_id, message_id, turn_id, part)
    SELECT $1, conversation_id, part.id, message_id, turn_id, part.number - 1
    FROM known, unnest($4::text[]) WITH ORDINALITY AS part (id, number)
    ON CONFLICT (space_id, conversation_id, platform_message_id)
        DO UPDATE SET message_id = excluded.message_id, turn_id = excluded.turn_id, part = excluded.part
)
SELECT route, chat_id FROM known

-- name: go_on
-- Somebody is sending the rest.
UPDATE work SET lease_until = now() + $3 WHERE space_id = $1 AND kind = 'deliver' AND subject_id = $2

-- name: close_chat
-- The platform wants nothing more here for so long.
INSERT INTO closed_chat AS c (route, chat_id, open_at) VALUES ($1, $2, now() + $3)
ON CONFLICT (route, chat_id) DO UPDATE SET open_at = greatest(c.open_at, excluded.open_at)

-- name: closed
-- The chats of a bot that are closed, and for how long yet.
SELECT chat_id, open_at - now() AS open_after FROM closed_chat WHERE route = $1 AND open_at > now()

-- name: forget_open
-- Chats that are open again need no row.
DELETE FROM closed_chat WHERE route = $1 AND open_at <= now()

-- name: waits
-- Of these deliveries, those that have to wait, and for how long: until their chat is open, and until what was to be sent
-- before in their conversation has been due.
SELECT asked.delivery_id, each.until - now() AS wait
FROM unnest($1::uuid[], $2::uuid[]) AS asked (space_id, delivery_id), LATERAL (
    SELECT greatest(
        (SELECT open_at FROM closed_chat
         WHERE route = c.platform || ':' || c.bot_id AND chat_id = coalesce(a.chat_id, c.chat_id) AND open_at > now()),
        (SELECT max(w.due_at)
         FROM delivery older
         JOIN work w ON w.space_id = older.space_id AND w.kind = 'deliver' AND w.subject_id = older.delivery_id
              AND w.due_at > now()
         WHERE older.space_id = d.space_id AND older.conversation_id = d.conversation_id AND older.state = 'pending'
           AND older.created_at < d.created_at)
    ) AS until
    FROM delivery d
    JOIN conversation c ON c.space_id = d.space_id AND c.conversation_id = d.conversation_id
    LEFT JOIN chat_alias a ON a.platform = c.platform AND a.known_as = c.chat_id
    WHERE d.space_id = asked.space_id AND d.delivery_id = asked.delivery_id
    LIMIT 1
) AS each
WHERE each.until IS NOT NULL

-- name: late
-- What has waited for too long, whether or not a gateway asks for it; nobody is sending it now.
SELECT space_id, subject_id, route FROM work
WHERE kind = 'deliver' AND made_at < now() - $1::interval AND (lease_until IS NULL OR lease_until < now())
ORDER BY made_at LIMIT $2

-- name: drop
-- There is nothing to be sent (any more).
DELETE FROM work WHERE space_id = $1 AND kind = 'deliver' AND subject_id = $2

-- name: count_again
-- Handed out once more, with nothing known of the time before.
INSERT INTO sent_again AS s (space_id, delivery_id, route, chat_id) VALUES ($1, $2, $3, $4)
ON CONFLICT (space_id, delivery_id) DO UPDATE SET times = s.times + 1, last_at = now()

-- name: sent_again
-- How many deliveries of each bot were, lately.
SELECT route, count(*) AS deliveries FROM sent_again WHERE last_at > now() - $1::interval GROUP BY route ORDER BY route

-- name: tell
-- A text that no turn made, once: the delivery stands for itself, and holds no reply back.
WITH sending AS (
    INSERT INTO delivery (space_id, delivery_id, conversation_id, turn_id, text, buttons)
    SELECT $1, $3, $2, $3, $4, $5 FROM conversation WHERE space_id = $1 AND conversation_id = $2
    ON CONFLICT DO NOTHING RETURNING true
)
INSERT INTO work (space_id, kind, subject_id, route)
SELECT $1, 'deliver', $3, platform || ':' || bot_id FROM sending, conversation
WHERE space_id = $1 AND conversation_id = $2
RETURNING true

-- name: undelivered
-- What was put aside, oldest first.
SELECT space_id, delivery_id, route, chat_id, state, reason, attempts, created_at, put_aside_at
FROM undelivered ORDER BY created_at

-- name: send_again
-- What was put aside is to be sent once more, after the parts that stand. Its time begins anew.
WITH again AS (
    UPDATE delivery SET state = 'pending', reason = '', created_at = now()
    WHERE space_id = $1 AND delivery_id = $2 AND state IN ('rejected', 'unknown', 'expired') RETURNING true
), unlisted AS (
    DELETE FROM undelivered WHERE space_id = $1 AND delivery_id = $2 RETURNING route
), reminded AS (
    UPDATE occurrence SET state = 'sent' WHERE space_id = $1 AND delivery_id = $2 AND state = 'failed'
)
INSERT INTO work (space_id, kind, subject_id, route)
SELECT $1, 'deliver', $2, route FROM unlisted WHERE EXISTS (SELECT FROM again)
RETURNING true

-- name: release
-- No live Converse carries it any more.
UPDATE work SET lease_until = NULL WHERE space_id = $1 AND kind = 'deliver' AND subject_id = $2

-- name: later
-- The rest is due later.
UPDATE work SET lease_until = NULL, due_at = now() + $3 WHERE space_id = $1 AND kind = 'deliver' AND subject_id = $2
