"""`/correct`: a memory is superseded by what a person says is right."""

from typing import Any

from calling import access_of, indexed
from client import Gateway, kinds, next_delivery
from commanding import BOB, GROUP, labels, texts
from conftest import Assistant
from services.assistant.store.connection import scoped
from services.stubs.assistant.v1 import assistant_pb2 as pb
from talk import author


async def test_a_correction_supersedes_and_is_a_message_too(assistant: Assistant, telegram: Gateway) -> None:
    await telegram.command("remember", "I take my tea black.")
    opened = await telegram.press(await telegram.command("memory"), "1")
    assert "`/correct 1`" in (await telegram.press(opened, "Correct")).text
    done = await telegram.command("correct", "1 I take my tea with milk.")
    assert "It was: “I take my tea black.”" in done.text
    assert "From now on: “I take my tea with milk.”" in done.text
    assert await texts(assistant) == ["I take my tea black.", "I take my tea with milk."]
    listed = await telegram.command("memory")
    assert "with milk" in listed.text
    assert "black" not in listed.text
    opened = await telegram.press(listed, "1")
    assert "Ann: “I take my tea with milk.”" in opened.text
    found = (await telegram.command("memory", "how I take my tea")).text
    assert "no longer holds: “I take my tea black.”" in found


async def test_a_number_that_is_not_in_the_last_list_changes_nothing(telegram: Gateway) -> None:
    assert "no number 1" in (await telegram.command("correct", "1 I take it black.")).text
    await telegram.command("remember", "I take my tea black.")
    await telegram.command("remember", "My dog is called Biscuit.")
    await telegram.command("memory")
    await telegram.command("memory", "Biscuit the dog")
    for arguments in ("9 I take it white.", "the tea is wrong"):
        assert "/memory lists" in (await telegram.command("correct", arguments)).text
    assert "What is right instead?" in (await telegram.command("correct", "1")).text


async def test_messages_stay_as_they_were_said(telegram: Gateway) -> None:
    await telegram.say("My dog is called Biscuit.")
    await telegram.command("memory", "the dog")
    assert "messages stay" in (await telegram.command("correct", "1 My dog is called Rex.")).text


async def test_what_no_longer_holds_is_not_corrected(telegram: Gateway) -> None:
    await telegram.command("remember", "I take my tea black.")
    await telegram.command("memory")
    await telegram.command("correct", "1 I take my tea with milk.")
    assert "no longer holds" in (await telegram.command("correct", "1 I take no tea.")).text


async def test_in_a_group_nobody_corrects_what_others_said(telegram: Gateway, group: pb.Place) -> None:
    await telegram.command("remember", "The boat is called Biscuit.", place=group)
    await telegram.command("memory", place=group, **BOB)
    refused = await telegram.command("correct", "1 The boat is called Rex.", place=group, **BOB)
    assert "came from others" in refused.text
    assert "Biscuit" in (await telegram.command("memory", place=group)).text


async def test_what_was_behind_an_answer_is_offered_for_correction(
    assistant: Assistant, telegram: Gateway
) -> None:
    await telegram.command("remember", "My dog is called Biscuit.")
    await indexed(assistant)
    answer = (await telegram.converse(telegram.request("What is my dog called?"), acknowledges=False))[-1]
    await telegram.acknowledge(answer.final.delivery, "a1")
    offered = await telegram.command("correct", reply_to="a1")
    assert "This was behind that answer" in offered.text
    assert "My dog is called Biscuit." in offered.text
    assert labels(offered) == ["1"]
    await telegram.command("correct", "1 My dog is called Rex.")
    assert "Rex" in (await telegram.command("memory")).text
    assert "/memory lists" in (await telegram.command("correct", reply_to="elsewhere")).text


async def test_an_answer_with_no_memory_behind_it_says_so(telegram: Gateway) -> None:
    await telegram.say("I like rain.")
    assert "No memory was behind" in (await telegram.command("correct")).text


async def test_a_thumb_down_offers_what_was_behind_the_answer_once(
    assistant: Assistant, telegram: Gateway, group: pb.Place
) -> None:
    await telegram.command("remember", "The boat is called Biscuit.", place=group)
    await telegram.say("What is the boat called?", place=group)
    topic = telegram.place("-100", group=True, thread="5")
    answer = (
        await telegram.converse(telegram.request("What is the boat called?", place=topic), acknowledges=False)
    )[-1]
    await telegram.acknowledge(answer.final.delivery, "a1")

    async def react(emoji: str, message_id: str = "a1", removed: bool = False, **who: Any) -> list[str]:
        reaction = pb.ReactionEvent(message_id=message_id, emoji=emoji, removed=removed)
        asked = telegram.request(reaction=reaction, place=group, addressed=False, **who)
        return kinds(await telegram.converse(asked))

    async with telegram.deliver() as queue:
        for said in (("👍",), ("👎", "elsewhere"), ("👎", "a1", True), ("👎🏽",), ("👎",)):
            assert await react(*said) == ["accepted"]
        assert await react("👎", **BOB) == ["accepted"]
        offered = [await next_delivery(queue)]
        await telegram.acknowledge(offered[0])
        offered.append(await next_delivery(queue))
        await telegram.acknowledge(offered[1])
    names = {each.text.split(":")[0] for each in offered}
    assert names == {"Ann", "Bob"}
    assert all("The boat is called Biscuit." in each.text for each in offered)
    assert all(each.place.thread_id == "5" for each in offered)
    assert await react("👎") == ["accepted"]
    async with scoped(assistant.remi.store, [(await access_of(assistant, GROUP, author())).space_id]) as c:
        assert await c.fetchval("SELECT count(*) FROM event WHERE event_key LIKE '%:down:%'") == 2


async def test_a_strangers_thumb_is_turned_away(telegram: Gateway) -> None:
    reaction = pb.ReactionEvent(message_id="a1", emoji="👎")
    asked = telegram.request(reaction=reaction, user="66", addressed=False)
    assert kinds(await telegram.converse(asked)) == ["refused"]
