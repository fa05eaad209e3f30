-- name: offer
-- A code of an account; one that it gave before, and nobody sent, works no more.
WITH older AS (
    DELETE FROM link WHERE issuer_platform = $2 AND issuer_id = $3 AND state = 'offered'
)
INSERT INTO link (link_id, issuer_platform, issuer_id, issuer_conversation, code_digest, expires_at)
VALUES ($1, $2, $3, $4, $5, now() + $6)

-- name: take
-- The code goes to the account that sends it first, which has as long again to answer. Sent once more by the same
-- account it is the same. No row: there is none such, it is over, or both are accounts of one person.
UPDATE link SET state = 'asked', taker_platform = $2, taker_id = $3, taker_conversation = $4,
    expires_at = CASE WHEN state = 'offered' THEN now() + $5 ELSE expires_at END
WHERE code_digest = $1 AND expires_at > now()
  AND (state = 'offered' OR (state = 'asked' AND taker_platform = $2 AND taker_id = $3))
  AND NOT EXISTS (
    SELECT FROM identity theirs JOIN identity mine USING (person_id)
    WHERE theirs.platform = issuer_platform AND theirs.user_id = issuer_id
      AND mine.platform = $2 AND mine.user_id = $3)
RETURNING link_id

-- name: void
-- A code that was shown to others.
UPDATE link SET state = 'refused' WHERE code_digest = $1 AND state = 'offered'

-- name: find
SELECT l.*, l.expires_at <= now() AS is_over,
       i.person_id AS issuer_person, i.display_name AS issuer_name, pi.role AS issuer_role,
       t.person_id AS taker_person, t.display_name AS taker_name, pt.role AS taker_role_now
FROM link l
JOIN identity i ON i.platform = l.issuer_platform AND i.user_id = l.issuer_id
JOIN person pi ON pi.person_id = i.person_id
JOIN identity t ON t.platform = l.taker_platform AND t.user_id = l.taker_id
JOIN person pt ON pt.person_id = t.person_id
WHERE l.link_id = $1

-- name: newest
-- The last link that an account takes part in and that still holds.
SELECT l.link_id FROM link l
JOIN identity i ON i.platform = l.issuer_platform AND i.user_id = l.issuer_id
JOIN identity t ON t.platform = l.taker_platform AND t.user_id = l.taker_id AND t.person_id = i.person_id
WHERE l.state = 'linked'
  AND ((l.issuer_platform = $1 AND l.issuer_id = $2) OR (l.taker_platform = $1 AND l.taker_id = $2))
ORDER BY l.linked_at DESC LIMIT 1

-- name: agree
-- One side says yes. When both did, the accounts are to be brought together: that work belongs to no space, and has
-- the link's id in its place.
WITH agreed AS (
    UPDATE link SET issuer_agreed = issuer_agreed OR $2 = 'issuer', taker_agreed = taker_agreed OR $2 = 'taker',
        state = CASE WHEN (issuer_agreed OR $2 = 'issuer') AND (taker_agreed OR $2 = 'taker') THEN 'agreed' ELSE state END
    WHERE link_id = $1 AND state = 'asked' AND expires_at > now()
    RETURNING state
)
INSERT INTO work (space_id, kind, subject_id, route) SELECT $1, 'link', $1, '' FROM agreed WHERE state = 'agreed'
ON CONFLICT DO NOTHING

-- name: refuse
UPDATE link SET state = 'refused' WHERE link_id = $1 AND state IN ('asked', 'agreed') RETURNING true

-- name: is_moving
-- Whether something is just being moved into a private space.
SELECT EXISTS (SELECT FROM link WHERE kept_person = $1 AND state = 'moving')

-- name: hold
-- The accounts of two people: events that they sent are all committed or will find out that something changed.
SELECT FROM identity WHERE person_id IN ($1, $2) ORDER BY platform, user_id FOR UPDATE

-- name: count
-- How much two people's private spaces hold.
SELECT (SELECT count(*) FROM message WHERE space_id = $1) AS ours,
       (SELECT count(*) FROM message WHERE space_id = $2) AS theirs

-- name: is_busy
-- Whether anything goes on in a space: a turn, a reply that is not sent yet, anything that somebody holds, or
-- another space that comes in.
SELECT EXISTS (SELECT FROM work WHERE space_id = $1
               AND (kind IN ('turn', 'retry', 'deliver') OR lease_until > now()))
    OR EXISTS (SELECT FROM link WHERE kept_person = $1 AND state = 'moving')

-- name: join
-- The two are one person from here on: $3, who keeps the space $3. Their role and limit are those of whoever gave the
-- code ($5). What is left of the other person has no account and no say.
WITH joined AS (
    UPDATE link SET state = 'moving', kept_person = $2, gone_person = $3, taker_role = theirs.role
    FROM person theirs WHERE link_id = $1 AND state = 'agreed' AND theirs.person_id = $5
    RETURNING link_id
), accounts AS (
    UPDATE identity SET person_id = $2 FROM joined WHERE person_id = $3
), kept AS (
    UPDATE person SET role = issuer.role, turns_a_day = issuer.turns_a_day,
        zone = coalesce(nullif(issuer.zone, ''), taker.zone),
        language = coalesce(nullif(issuer.language, ''), taker.language)
    FROM joined, person issuer, person taker
    WHERE person.person_id = $2 AND issuer.person_id = $4 AND taker.person_id = $5
), gone AS (
    UPDATE person SET role = 'guest' FROM joined WHERE person_id = $3
), unasked AS (
    DELETE FROM work USING joined WHERE work.space_id = $3 AND kind IN ('index', 'learn')
)
SELECT link_id FROM joined

-- name: finish
-- Nothing is left of the other person.
WITH linked AS (
    UPDATE link SET state = 'linked', linked_at = now() WHERE link_id = $1 AND state = 'moving'
    RETURNING gone_person, kept_person
), used AS (
    DELETE FROM usage USING linked WHERE person_id = gone_person
    RETURNING kept_person, day, turns, prompt_tokens, completion_tokens
), counted AS (
    INSERT INTO usage AS u (person_id, day, turns, prompt_tokens, completion_tokens)
    SELECT kept_person, day, turns, prompt_tokens, completion_tokens FROM used
    ON CONFLICT (person_id, day) DO UPDATE SET
        turns = u.turns + excluded.turns,
        prompt_tokens = u.prompt_tokens + excluded.prompt_tokens,
        completion_tokens = u.completion_tokens + excluded.completion_tokens
), gone AS (
    DELETE FROM person USING linked WHERE person_id = gone_person
)
SELECT true FROM linked

-- name: part
-- The account that sent the code becomes a person $3 of its own again; never more than it was, or than the two are
-- now. In other links that hold, the account that gave the code takes its part.
WITH parted AS (
    UPDATE link SET state = 'parted' WHERE link_id = $1 AND state = 'linked'
    RETURNING *
), given AS (
    UPDATE link SET issuer_platform = parted.issuer_platform, issuer_id = parted.issuer_id,
        issuer_conversation = parted.issuer_conversation
    FROM parted
    WHERE link.state IN ('linked', 'moving') AND link.link_id <> $1
      AND link.issuer_platform = parted.taker_platform AND link.issuer_id = parted.taker_id
), sent AS (
    UPDATE link SET taker_platform = parted.issuer_platform, taker_id = parted.issuer_id,
        taker_conversation = parted.issuer_conversation
    FROM parted
    WHERE link.state IN ('linked', 'moving') AND link.link_id <> $1
      AND link.taker_platform = parted.taker_platform AND link.taker_id = parted.taker_id
), made AS (
    INSERT INTO person (person_id, role, turns_a_day, zone, language)
    SELECT $3, CASE WHEN array_position(ARRAY['removed', 'guest', 'member', 'admin'], parted.taker_role)
                       < array_position(ARRAY['removed', 'guest', 'member', 'admin'], role)
                    THEN parted.taker_role ELSE role END, turns_a_day, zone, language
    FROM person, parted WHERE person_id = $2
)
UPDATE identity SET person_id = $3 FROM parted
WHERE platform = taker_platform AND user_id = taker_id AND person_id = $2
RETURNING true

-- name: settle
-- What the space $1 would still send to an account that has left it, and whose talk is $2: reminders come to the other
-- account's talk $3, and what waits for a model there waits no more. All talks of its chat are its own, and all of its
-- platform if the person has no other account there.
WITH left_behind AS (
    SELECT c.conversation_id FROM conversation its JOIN conversation c USING (space_id, platform)
    WHERE its.space_id = $1 AND its.conversation_id = $2 AND c.conversation_id <> $3
      AND (c.chat_id = its.chat_id
           OR NOT EXISTS (SELECT FROM identity WHERE person_id = $1 AND identity.platform = its.platform))
), moved AS (
    UPDATE reminder SET conversation_id = $3 FROM left_behind
    WHERE space_id = $1 AND reminder.conversation_id = left_behind.conversation_id
    RETURNING reminder_id
), routed AS (
    UPDATE work SET route = c.platform || ':' || c.bot_id FROM conversation c, moved
    WHERE c.space_id = $1 AND c.conversation_id = $3
      AND work.space_id = $1 AND kind = 'remind' AND subject_id = reminder_id
), stopped AS (
    UPDATE turn SET state = 'stopped' FROM left_behind
    WHERE space_id = $1 AND turn.conversation_id = left_behind.conversation_id AND state = 'parked'
)
DELETE FROM work USING left_behind
WHERE work.space_id = $1 AND kind = 'retry' AND subject_id = left_behind.conversation_id
