"""`/memory`: lists with numbers, and what stands behind a number."""

import re
from datetime import timedelta

from client import Gateway
from commanding import BOB, as_admin, labels, learned, texts
from conftest import Assistant
from services.assistant.browse import PAGE
from services.assistant.domain import MemoryKind
from services.stubs.assistant.v1 import assistant_pb2 as pb
from talk import NOON


async def test_memory_counts_what_was_said_while_little_was_learned(telegram: Gateway) -> None:
    assert "0 messages" in (await telegram.command("memory")).text
    await telegram.say("My dog is called Biscuit.")
    text = (await telegram.command("memory")).text
    assert "1 message " in text
    assert "haven't drawn conclusions about you" in text


async def test_memory_is_grouped_by_kind(assistant: Assistant, telegram: Gateway) -> None:
    await telegram.say("My dog is called Biscuit.")
    await learned(assistant, *MemoryKind)
    delivery = await telegram.command("memory")
    found = [
        found.start()
        for found in re.finditer("instruction number|profile number|fact number|event number", delivery.text)
    ]
    assert len(found) == 4
    headings = [
        delivery.text.index(f"**{each}**") for each in ("What I keep to", "Profile", "Facts", "Events")
    ]
    assert headings == sorted(headings)
    assert "2026-03-02" in delivery.text or "Ann" in delivery.text
    assert labels(delivery) == ["1", "2", "3", "4"]


async def test_memory_is_turned_page_by_page(assistant: Assistant, telegram: Gateway) -> None:
    await telegram.say("My dog is called Biscuit.")
    kinds = [MemoryKind.INSTRUCTION] * (PAGE - 5) + [MemoryKind.FACT] * (PAGE + 1)
    await learned(assistant, *kinds)
    seen: list[str] = []
    delivery = await telegram.command("memory")
    while True:
        page = re.findall(r"(?:instruction|fact) number \d+", delivery.text)
        assert len(page) <= PAGE
        seen += page
        assert all(len(row.buttons) <= 5 for row in delivery.button_rows)
        assert len(delivery.button_rows) <= 5
        assert [each for each in labels(delivery) if each != "More"] == [
            str(number) for number in range(len(seen) - len(page) + 1, len(seen) + 1)
        ]
        if "More" not in labels(delivery):
            break
        again = await telegram.press(delivery, "More")
        assert again.text == (await telegram.press(delivery, "More")).text
        delivery = again
    assert len(seen) == len(set(seen)) == len(kinds)


async def test_memory_with_words_finds_lines_with_their_dates(telegram: Gateway) -> None:
    assert "remember nothing" in (await telegram.command("memory", "the dog")).text
    await telegram.say("My dog is called *Biscuit*.", sent_at=NOON)
    text = (await telegram.command("memory", "the dog")).text
    assert "2026-03-02, Ann: “My dog is called \\*Biscuit\\*.”" in text


async def test_memory_with_words_leaves_out_what_has_nothing_to_do_with_them(telegram: Gateway) -> None:
    await telegram.say("My dog is called Biscuit.")
    await telegram.say("Where is the key?")
    await telegram.say("Where is the key?")
    await telegram.say("We planted tulips behind the house.")
    about = (await telegram.command("memory", "dog")).text
    assert "Biscuit" in about
    assert "tulips" not in about
    assert (await telegram.command("memory", "key")).text.count("Ann: “Where is the key?”") == 1
    nearest = await telegram.command("memory", "garden")
    assert nearest.text.startswith("Nothing that I remember holds “garden”. What comes nearest:\n\n1. ")
    assert "tulips" in nearest.text.splitlines()[2]
    assert len(labels(nearest)) <= 3


async def test_a_search_leaves_out_that_remi_noted_it_or_knew_nothing(telegram: Gateway) -> None:
    await telegram.say("Where is my dentist?")
    await telegram.say("My dentist is Dr. Weber.")
    await telegram.say("Please forget my dentist.")
    found = (await telegram.command("memory", "dentist")).text
    assert "“My dentist is Dr. Weber.”" in found
    assert "Remi" not in found


async def test_what_was_remembered_stands_once_in_a_search_and_old_words_are_marked(
    telegram: Gateway,
) -> None:
    await telegram.command("remember", "I take my tea black.", sent_at=NOON)
    await telegram.command("memory")
    await telegram.command("correct", "1 I take my tea with milk.", sent_at=NOON + timedelta(days=3))
    await telegram.command("memory")
    await telegram.command("correct", "1 I take my tea green.", sent_at=NOON + timedelta(days=5))
    found = (await telegram.command("memory", "tea")).text.splitlines()
    assert sorted(line.partition("Ann")[2] for line in found if "Ann" in line) == [
        ": “I take my tea green.”",
        "; no longer holds: “I take my tea black.”",
        "; no longer holds: “I take my tea with milk.”",
    ]
    card = (await telegram.press(await telegram.command("memory"), "1")).text
    assert card.partition("Before that:\n\n")[2].splitlines()[:2] == [
        "- until 2026-03-07: I take my tea with milk.",
        "- until 2026-03-05: I take my tea black.",
    ]


async def test_a_number_opens_a_memory_with_the_words_it_came_from(telegram: Gateway) -> None:
    await telegram.command("remember", "I take my tea *black*.", sent_at=NOON)
    opened = await telegram.press(await telegram.command("memory"), "1")
    assert "2026-03-02 12:00, Ann: “I take my tea \\*black\\*.”" in opened.text
    assert "95% sure" in opened.text
    assert "learned on 2026-03-02" in opened.text
    assert labels(opened) == ["Correct", "Forget", "Share with the team"]


async def test_a_search_opens_messages_too(telegram: Gateway) -> None:
    await telegram.say("My dog is called Biscuit.")
    found = await telegram.command("memory", "the dog")
    opened = await telegram.press(found, "1")
    assert "My dog is called Biscuit." in opened.text
    assert labels(opened) == ["Forget", "Share with the team"]


async def test_a_memory_is_forgotten_by_its_button_alone_or_with_its_source(
    assistant: Assistant, telegram: Gateway
) -> None:
    for label, left in (("Forget", ["I take my tea black."]), ("Forget its source too", [])):
        await telegram.command("remember", "I take my tea black.")
        opened = await telegram.press(await telegram.command("memory"), "1")
        asked = await telegram.press(opened, "Forget")
        assert labels(asked) == ["Forget", "Forget its source too", "Keep"]
        assert "Gone" in (await telegram.press(asked, label)).text
        assert "haven't drawn conclusions" in (await telegram.command("memory")).text
        assert await texts(assistant) == left
        assert "used already" in (await telegram.press(asked, "Forget its source too")).text
        if left:
            await telegram.press(await telegram.command("forget", "tea"), "Forget")


async def test_what_is_gone_by_now_opens_as_gone(assistant: Assistant, telegram: Gateway) -> None:
    await telegram.say("My dog is called Biscuit.")
    found = await telegram.command("memory", "the dog")
    deletion = pb.DeletionEvent(message_ids=["none"])
    await telegram.converse(telegram.request(deletion=deletion))
    opened = await telegram.press(found, "1")
    asked = await telegram.press(opened, "Forget")
    await telegram.press(asked, "Forget")
    assert "used already" in (await telegram.press(found, "1")).text


async def test_in_a_group_only_whoever_it_came_from_may_change_it(telegram: Gateway, group: pb.Place) -> None:
    await telegram.command("remember", "The boat is called Biscuit.", place=group)
    listed = await telegram.command("memory", place=group, **BOB)
    assert labels(await telegram.press(listed, "1", place=group, **BOB)) == []
    listed = await telegram.command("memory", place=group)
    assert labels(await telegram.press(listed, "1", place=group)) == ["Correct", "Forget"]
    command = pb.CommandEvent(name="memory")
    listed = await telegram.final(as_admin(telegram.request(command=command, place=group, **BOB)))
    pressed = {each.label: each.action for row in listed.button_rows for each in row.buttons}["1"]
    asked = telegram.request(button=pb.ButtonEvent(action=pressed), place=group, **BOB)
    assert labels(await telegram.final(as_admin(asked))) == ["Correct", "Forget"]
