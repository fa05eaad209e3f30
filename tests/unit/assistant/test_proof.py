"""What notes of a memory model are believed, and why others aren't."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from services.assistant.domain import Memory, MemoryKind, Message, Role
from services.assistant.notes import Note
from services.assistant.proof import (
    is_secret,
    may_mean_the_same,
    own_words,
    part_ways,
    prove,
    reads_alike,
)

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
ANN = uuid4()


def said(text: str, role: Role = Role.PERSON) -> Message:
    return Message(uuid4(), role, "Ann", text, NOW, ANN if role is Role.PERSON else None)


def claim(text: str, quote: str, **more: Any) -> Note:
    return Note.model_validate({"kind": "fact", "text": text, "message": 1, "quote": quote} | more)


def reason(message: Message, note: Note) -> str:
    proven, dropped = prove([note], [message], {}, {})
    assert len(proven) + dropped.total() == 1
    return next(iter(dropped), "")


@pytest.mark.parametrize(
    ("message", "text", "quote", "why"),
    [
        ("My dog barks.", "Ann has a dog.", "my  dog", ""),
        ("My dog barks.", "Ann has a cat.", "my cat", "no_quote"),
        ("My dog barks.", "Dog.", "My dog", "too_little"),
        ("Do you like dogs?", "Ann likes dogs.", "Do you like dogs?", "question"),
        ("Do you like dogs?", "Ann likes dogs.", "you like dogs", "question"),
        ("I like dogs. Do you?", "Ann likes dogs.", "I like dogs", ""),
        ("Hi, good morning!", "Ann says hello.", "good morning", "small_talk"),
        ("You are slow today, Remi.", "Remi is slow.", "You are slow", "about_remi"),
        ("My password is hunter2.", "Ann's password is hunter2.", "My password is hunter2", "secret"),
        ("Key: sk-abcdefghij0123456789", "Ann has a key.", "sk-abcdefghij0123456789", "secret"),
        ("My card: 4111 1111 1111 1111", "Ann has a card.", "4111 1111 1111 1111", "secret"),
        ("Я живу в Лидсе.", "Ann lives in Leeds.", "Я живу в Лидсе", "other_script"),
        ("Я живу в Лидсе.", "Ann живёт в Лидсе.", "Я живу в Лидсе", ""),
        ("Я живу в Лидсе: https://maps.example/leeds-west-yorkshire", "Анна живёт в Лидсе.", "Я живу", ""),
        (
            "Я живу в Лидсе: https://maps.example/leeds-west-yorkshire",
            "Ann is in Leeds.",
            "Я живу",
            "other_script",
        ),
        ("Look: Traceback, most recent call last. Опять!", "Ошибка у Анны опять.", "Опять!", ""),
        ("https://example.com/ann", "Ann has a page.", "https://example.com/ann", ""),
        (
            "私の犬の名前はビスケットです。",
            "アンの犬の名前はビスケットです。",
            "犬の名前はビスケットです",
            "",
        ),
        ("我的狗叫饼干。", "安的狗叫饼干。", "我的狗叫饼干", ""),
        ("หมาของฉันชื่อบิสกิต", "หมาของแอนชื่อบิสกิต", "หมาของฉันชื่อบิสกิต", ""),
        ("犬です。", "犬。", "犬です", "too_little"),
        ("今日は遅いね、Remi。", "Remiは今日遅い。", "今日は遅いね", "about_remi"),
        ("> I live in Leeds.\nNice!", "Ann lives in Leeds.", "I live in Leeds", "quoted"),
        ("Ben wrote: “I live in Leeds now.” Well.", "Ann lives in Leeds.", "I live in Leeds", "quoted"),
        ('He wrote ""I live in Leeds now."" Well.', "Ann lives in Leeds.", "I live in Leeds", "quoted"),
        ("Look:\nForwarded from Ben\nI live in Leeds.", "Ann lives in Leeds.", "I live in Leeds", "quoted"),
        ("On Monday Ben wrote:\nI live in Leeds.", "Ann lives in Leeds.", "I live in Leeds", "quoted"),
        ("```\nowner = Ann of Leeds\n```", "Ann owns it.", "owner = Ann", "quoted"),
    ],
)
def test_what_is_believed(message: str, text: str, quote: str, why: str) -> None:
    assert reason(said(message), claim(text, quote)) == why


OSLO = "I'm flying to Oslo on Friday. What should I pack?"


@pytest.mark.parametrize(
    ("message", "quote", "kept"),
    [
        (OSLO, OSLO, "I'm flying to Oslo on Friday."),
        (OSLO, "I'm flying to Oslo on Friday", "I'm flying to Oslo on Friday"),
        ("So. I'm 30. Am I old? Ben is!\nWell?", "I'm 30. Am I old?", "I'm 30."),
        ("i moved to leeds\nany tips?", "i moved to leeds\nany tips?", "i moved to leeds"),
        ("我的狗病了。怎么办？", "我的狗病了。怎么办？", "我的狗病了。"),
        ("My dog Biscuit is sick - what should I do?", "My dog Biscuit is sick", "My dog Biscuit is sick"),
        ("My dog Biscuit is sick 😢 what should I do?", "My dog Biscuit is sick", "My dog Biscuit is sick"),
        ("My dog Biscuit is sick ☹️ what should I do?", "My dog Biscuit is sick", "My dog Biscuit is sick"),
        ("My dog Biscuit is sick… what should I do?", "My dog Biscuit is sick", "My dog Biscuit is sick"),
        ("I'm vegetarian (since 2020) so what can I cook?", "I'm vegetarian", "I'm vegetarian"),
        ("I'm vegan (since 2020) so what can I cook?", "I'm vegan (since 2020)", "I'm vegan (since 2020)"),
    ],
)
def test_what_is_told_in_one_breath_with_a_question_is_believed(message: str, quote: str, kept: str) -> None:
    (proven,), _ = prove([claim(f"Ann: {kept}", quote)], [said(message)], {}, {})
    assert proven.quote == kept


@pytest.mark.parametrize(
    "message",
    [
        "Do you know Dr. Smith?",
        "Is J. Smith my nurse?",
        "Fliegst du am 14. Mai nach Oslo?",
        "Hi! Do you like dogs?",
        "Oh wow! Do you like dogs?",
        "Do you know who lives in well-off Leeds?",
        "Ben, do you live in Leeds?\nOr in York?",
    ],
)
def test_a_question_stays_one(message: str) -> None:
    assert reason(said(message), claim("Ann knows of it.", message)) in ("question", "small_talk")


def test_only_people_are_believed_and_only_messages_that_are_there() -> None:
    assert reason(said("My dog barks.", Role.REMI), claim("Ann has a dog.", "My dog")) == "not_a_person"
    assert reason(said("My dog barks."), claim("Ann has a dog.", "My dog", message=2)) == "no_such_message"
    assert reason(said("No dog."), claim("", "No dog", op="retract", handle="k1")) == "nothing_to_retract"


def test_a_handle_counts_only_for_memories_that_rest_on_ones_own_words() -> None:
    memory = Memory(uuid4(), uuid4(), MemoryKind.FACT, "Ann has a dog.", NOW, ())
    note = claim("Ann has a cat.", "a cat", op="supersede", handle="[k1]")
    for owner, target in ((ANN, memory), (uuid4(), None)):
        (proven,), _ = prove([note], [said("I have a cat now.")], {"k1": memory}, {"k1": owner})
        assert proven.target == target


def test_what_is_left_out_keeps_its_place() -> None:
    text = 'I say "nothing at all of this" to Ben.'
    assert len(own_words(text)) == len(text)
    assert own_words('My book is "Emma".') == 'My book is "Emma".'


@pytest.mark.parametrize(
    "text",
    [
        'My sister "Bibi" lives in Hamburg and my brother "Max" in Kiel.',
        "My sister “Bibi” lives in Hamburg and my brother “Max” in Kiel.",
        "Meine Schwester „Bibi“ wohnt in Hamburg und mein Bruder „Max“ in Kiel.",
        'Our 27" TV is "new", and the "old" one is 55" wide, as big as "Max" himself.',
    ],
)
def test_what_stands_between_two_names_in_quotation_marks_is_no_quotation(text: str) -> None:
    assert own_words(text) == text
    saying = '"I am not coming home today"'
    assert own_words(f"{text} Max says: {saying}, well.") == f"{text} Max says: {chr(0) * len(saying)}, well."


@pytest.mark.parametrize("mark", ['"', "”", "“"])
def test_inches_are_no_quotation(mark: str) -> None:
    inches = f"My TV is 55{mark} wide and my monitor is 27{mark} wide."
    assert own_words(inches) == inches
    quoting = f"It is 27{mark} wide, and Ben says {mark}it is too wide{mark} for him."
    assert own_words(quoting).count("\x00") == len("“it is too wide”")


@pytest.mark.parametrize(
    "text",
    [
        "I live at 12 Elm Street, call 0113 496 0000.",
        "The internationalisation_of_everything is near.",
        "My pin board is full.",
        "Order 1234 5678 9012 3456 came.",
    ],
)
def test_ordinary_words_and_numbers_are_no_secret(text: str) -> None:
    assert not is_secret(text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ann likes tea.", "Ann is fond of tea.", True),
        ("Ann likes tea.", "Ann doesn't like tea.", False),
        ("Ann has 2 dogs.", "Ann has 3 dogs.", False),
        ("Her dog is called Rex.", "Her dog is called Biscuit.", False),
        ("Ann was a nurse.", "Ann is a nurse.", False),
        ("Ann mag Tee.", "Ann mag keinen Tee.", False),
        ("Ann has two dogs.", "Ann owns 2 dogs.", True),
        ("Ann takes five milligrams.", "Ann takes ten milligrams.", False),
        ("Ann takes the pill in the morning.", "Ann takes the pill in the evening.", False),
        ("Ann broke her left wrist.", "Ann broke her right wrist.", False),
        ("Anns Termin ist vor dem Essen.", "Anns Termin ist nach dem Essen.", False),
        ("Ann's sister is a nurse.", "Ann's brother is a nurse.", False),
        ("アンは犬を2匹飼う。", "アンは犬を3匹飼う。", False),
    ],
)
def test_what_turns_a_meaning_round_is_seen(one: str, other: str, same: bool) -> None:
    assert may_mean_the_same(one, other) is same
    assert not reads_alike(one, other)


def test_articles_and_case_make_no_difference() -> None:
    assert reads_alike("Ann has a dog.", "ann has the dog")


@pytest.mark.parametrize(
    ("one", "other", "quote", "apart"),
    [
        ("Ann loves sushi.", "Ann loves ramen.", "I love it!", True),
        ("Ann wants a summary of sales.", "Ann wants a summary of expenses.", "Yes, do that.", True),
        ("Ann loves tea.", "Ann adores tea.", "I love tea", False),
        ("Ann has a dog called Biscuit.", "Ann's dog is named Biscuit.", "It's Biscuit!", False),
        ("Ann lives in Leeds.", "Ann lives in Leeds with her cat.", "I live there", False),
    ],
)
def test_texts_part_ways_where_each_names_what_was_not_said(
    one: str, other: str, quote: str, apart: bool
) -> None:
    assert part_ways(one, other, quote) is apart
