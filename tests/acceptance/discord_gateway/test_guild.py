"""Remi in the channels, threads and forums of a guild."""

from .conftest import Talk


async def test_it_answers_mentions_replies_and_commands_and_nothing_else(talk: Talk) -> None:
    remi = talk.discord.mention()
    await talk.ask(f"{remi} Our meeting room is the Blue Lagoon.", channel=talk.general)
    talk.discord.says(talk.ann, "Lunch, anybody?", talk.general)
    answer = await talk.ask(f"Which one is our meeting room, {remi}?", channel=talk.general)
    assert "Blue Lagoon" in answer["content"]
    again = await talk.ask("And which meeting room is ours?", channel=talk.general, reply_to=answer)
    assert again["referenced_message"]["content"] == "And which meeting room is ours?"
    assert "Blue Lagoon" in (await talk.command("memory", "room", channel=talk.general))["content"]
    assert len(talk.discord.shown(talk.general)) == 4


async def test_what_an_addressed_message_replies_to_is_kept_and_the_rest_is_not(talk: Talk) -> None:
    remi = talk.discord.mention()
    party = talk.discord.says(talk.bob, "The party is on Friday.", talk.general)
    talk.discord.says(talk.bob, "The cake is a secret-canary.", talk.general)
    await talk.ask(f"{remi} remember this", channel=talk.general, reply_to=party)
    assert "Friday" in (await talk.ask(f"{remi} when is the party?", channel=talk.general))["content"]
    assert "canary" not in (await talk.ask(f"{remi} what is the cake?", channel=talk.general))["content"]


async def test_a_reply_stands_in_its_thread_and_knows_the_channel(talk: Talk) -> None:
    remi = talk.discord.mention()
    await talk.ask(f"{remi} Our meeting room is the Blue Lagoon.", channel=talk.general)
    await talk.remembers("Lagoon", talk.general)
    before = talk.discord.shown(talk.general)
    thread = talk.discord.thread(talk.general, "where to meet")
    answer = await talk.ask(f"{remi} which one is our meeting room?", channel=thread)
    assert "Blue Lagoon" in answer["content"]
    assert talk.discord.shown(talk.general) == before


async def test_a_forum_post_is_answered_in_itself(talk: Talk) -> None:
    post = talk.discord.thread(talk.ideas, "a boat")
    other = talk.discord.thread(talk.ideas, "a plane")
    answer = await talk.ask(f"{talk.discord.mention()} Shall we buy a boat?", channel=post)
    assert answer["channel_id"] == str(post.id)
    assert talk.discord.shown(other) == []


async def test_the_talk_of_a_channel_stays_there(talk: Talk) -> None:
    remi = talk.discord.mention()
    await talk.ask("My salary is 5000-canary.")
    await talk.ask(f"{remi} Our meeting room is the Blue Lagoon.", channel=talk.general)
    assert "canary" not in (await talk.ask(f"{remi} what is my salary?", channel=talk.general))["content"]
    assert "Lagoon" not in (await talk.ask("Which one is our meeting room?"))["content"]


async def test_deletions_take_messages_out_of_memory(talk: Talk) -> None:
    """Discord doesn't say who deleted them."""
    remi = talk.discord.mention()
    said = []
    for secret in ("The safe is 4711-canary.", "The door is 4712-canary.", "The bike is 4713-canary."):
        said.append(talk.discord.says(talk.ann, f"{remi} {secret}", talk.general))
        await talk.answered(talk.general, len(said))
    talk.discord.deletes(said[0])
    talk.discord.deletes(*said[1:])
    await talk.ask(f"{remi} good morning", channel=talk.general)
    shown = (await talk.command("memory", "canary safe door bike", channel=talk.general))["content"]
    assert not any(code in shown for code in ("4711", "4712", "4713"))


async def test_an_unknown_channel_is_told_once_how_to_be_let_in(talk: Talk) -> None:
    remi = talk.discord.mention()
    talk.discord.says(talk.ann, "not to Remi", talk.unknown)
    told = await talk.ask(f"{remi} hello", channel=talk.unknown)
    assert "invit" in told["content"]
    talk.discord.says(talk.ann, f"{remi} hello?", talk.unknown)
    await talk.ask("hi")
    assert len(talk.discord.shown(talk.unknown)) == 1


async def test_a_reaction_changes_nothing(talk: Talk) -> None:
    answer = await talk.ask(f"{talk.discord.mention()} hello", channel=talk.general)
    talk.discord.reacts(talk.ann, answer, "👍")
    talk.discord.reacts(talk.ann, answer, "👍", removed=True)
    await talk.ask(f"{talk.discord.mention()} hello again", channel=talk.general)
    assert len(talk.discord.shown(talk.general)) == 2
