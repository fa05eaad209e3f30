"""The responder without a model."""

from dataclasses import replace

import pytest

from questions import instruction, message, on, question, recalled
from services.assistant.domain import TEAM_SPACE, ChatKind, Question, Role
from services.assistant.offline import (
    ASK_ME,
    HELLO,
    NEAREST,
    NOT_ERASED,
    NOTE,
    NOTED,
    NOTHING,
    beside_set_phrases,
    is_question,
    reply,
)

DOG = recalled("m1", "My dog is called Biscuit.")
TOLD_BEFORE = (message(f"Noted.\n\n{NOTE}", role=Role.REMI),)


def text(asked: Question) -> str:
    """The reply without the note on being offline."""
    return reply(asked)[0].removesuffix(f"\n\n{NOTE}")


def test_it_says_once_that_it_is_offline() -> None:
    assert reply(question("I like tea."))[0] == f"{NOTED}\n\n{NOTE}"
    assert reply(question("I like tea.", recent=TOLD_BEFORE))[0] == NOTED


def test_a_conversation_that_was_told_is_told_no_more() -> None:
    quoted = "On 2026-11-01 you said: “My dog is called Biscuit.”"
    for said in (NOTED, NOTHING, HELLO, ASK_ME, NOT_ERASED, quoted, f"{NEAREST}\n\n{quoted}"):
        recent = (message("I like tea."), message(said, role=Role.REMI))
        assert NOTE not in reply(question("I like milk.", recent=recent))[0]
    # What a model said there before, and a reminder, tell nobody.
    for said in ("What a lovely dog!", "Time for your tea!"):
        assert NOTE in reply(question("I like milk.", recent=(message(said, role=Role.REMI),)))[0]


def test_a_question_is_answered_with_what_was_said_by_whom_and_when() -> None:
    cat = recalled("m2", "My cat is called Tom.")
    asked = question("What is my dog called?", recalled=(cat, DOG), recent=TOLD_BEFORE)
    assert reply(asked) == ("On 2026-11-01 you said: “My dog is called Biscuit.”", ("m1",))


def test_dates_are_those_of_the_persons_zone() -> None:
    late = message("My dog is called Biscuit.", said_at=on("2026-11-01").replace(hour=23, minute=30))
    assert text(question("What is my dog called?", recent=(late,))).startswith("On 2026-11-02 ")


def test_other_people_are_named_and_their_names_stay_plain() -> None:
    bob = recalled("m1", "I booked the train to Lyon.", "*Bob*")
    assert text(question("Who booked the train?", recalled=(bob,), chat_kind=ChatKind.GROUP)) == (
        "On 2026-11-01 \\*Bob\\* said: “I booked the train to Lyon.”"
    )


def test_who_talks_directly_said_all_that_the_team_did_not_share_under_whatever_name() -> None:
    elsewhere = recalled("m1", "My dog is called Biscuit.", "Ann at home")
    assert "you said: “My dog" in text(question("What is my dog called?", recalled=(elsewhere,)))
    shared = replace(elsewhere, space_id=TEAM_SPACE)
    assert "Ann at home said: “My dog" in text(question("What is my dog called?", recalled=(shared,)))


def test_a_name_in_the_question_finds_what_that_person_said() -> None:
    items = (
        recalled("m1", "I work as a nurse.", "Bob"),
        recalled("m2", "I work as a pilot.", "Cem"),
    )
    assert reply(question("What work does Cem do?", recalled=items))[1] == ("m2",)


def test_the_newest_comes_first_and_the_older_after_it() -> None:
    rex = recalled("m1", "My dog is called Rex.", day="2025-05-03")
    asked = question("What's my dog called?", recalled=(rex, DOG))
    assert text(asked).split("\n\n") == [
        "On 2026-11-01 you said: “My dog is called Biscuit.”",
        "Before that, on 2025-05-03, you said: “My dog is called Rex.”",
    ]


def test_what_no_longer_holds_comes_last_and_says_so() -> None:
    rex = recalled("m1", "My dog is called Rex.", day="2026-11-05", superseded=True)
    first, second = text(question("What's my dog called?", recalled=(rex, DOG))).split("\n\n")
    assert "Biscuit" in first
    assert second.endswith("“My dog is called Rex.” (This no longer holds.)")


def test_in_a_group_my_dog_is_mine() -> None:
    items = (
        recalled("m1", "My dog is called Rex.", "Bob", day="2026-11-10"),
        recalled("m2", "My dog is called Biscuit."),
    )
    asked = question("What is my dog called?", recalled=items, chat_kind=ChatKind.GROUP)
    assert reply(asked)[1] == ("m2",)


def test_sentences_that_belong_together_are_quoted_together() -> None:
    item = recalled("m1", "The sun is out. I have a dog. He is called Biscuit! I like tea. We went home.")
    assert "“I have a dog. He is called Biscuit!”" in text(
        question("How is my dog called?", recalled=(item,))
    )


@pytest.mark.parametrize("said", ["My dentist is Dr. Zander.", "I live in St. Ives.", "My boss is J. Doe."])
def test_an_abbreviation_ends_no_sentence(said: str) -> None:
    wanted = said.split()[-1].strip(".")
    assert f"“{said}”" in text(question(f"Who or what is {wanted}?", recalled=(recalled("m1", said),)))


def test_questions_asked_before_answer_nothing() -> None:
    items = (recalled("m1", "What is my dog called?"), recalled("m2", "do you know what my dog is called"))
    assert text(question("What is my dog called?", recalled=items)) == NOTHING


def test_what_does_not_fit_is_offered_as_the_nearest_only() -> None:
    cat = recalled("m2", "My cat is called Tom.")
    asked = question("What is my dog called?", recalled=(cat,))
    assert text(asked) == f"{NEAREST}\n\nOn 2026-11-01 you said: “My cat is called Tom.”"
    assert text(question("When does the ferry leave?", recalled=(cat,))) == NOTHING
    assert text(question("Why?")) == NOTHING


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("My dog's name is Rex.", "What is my cat's name?"),
        ("My sister Anna lives in Paris.", "Where does my brother live?"),
        ("I work at Siemens.", "Where does my mother work?"),
        ("My favourite colour is green.", "What is my favourite food?"),
        ("Mi hermano se llama Pablo.", "¿Cómo se llama mi hermana?"),
        ("Mein Hund heißt Rex.", "Wie heißt meine Katze?"),
        ("Ma voiture est rouge.", "Où est mon vélo ?"),
    ],
)
def test_what_was_said_of_something_else_is_never_sure(said: str, asked: str) -> None:
    others = (recalled("m2", "I like tea."), recalled("m3", "We went to the zoo."))
    answer = text(question(asked, recalled=(recalled("m1", said, meaning=0.5), *others)))
    assert answer == f"{NEAREST}\n\nOn 2026-11-01 you said: “{said}”"


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("My sister Anna lives in Paris.", "Where does my sister live?"),
        ("I work at Siemens.", "Where do I work?"),
        ("I'm allergic to peanuts.", "What am I allergic to?"),
        ("Mi hermano se llama Pablo.", "¿Cómo se llama mi hermano?"),
        ("Ich wohne in einem Haus am Stadtrand.", "Wo wohne ich?"),
        ("Ma voiture est rouge.", "Où est ma voiture ?"),
        ("The talks at the UN begin on Monday.", "What did I say about the UN?"),
    ],
)
def test_what_was_said_of_it_is_sure(said: str, asked: str) -> None:
    others = (recalled("m2", "I like tea."), recalled("m3", "Wir waren am Meer."))
    answer = text(question(asked, recalled=(recalled("m1", said), *others)))
    assert answer == f"On 2026-11-01 you said: “{said}”"


def test_one_word_of_two_is_never_sure() -> None:
    items = (
        recalled("m1", "I work at Siemens.", meaning=0.4),
        recalled("m2", "My mother lives in Graz."),
        *(recalled(f"m{number}", f"Bob would work on day {number}.") for number in range(3, 9)),
    )
    assert text(question("Where does my mother work?", recalled=items)).startswith(NEAREST)
    assert reply(question("Which city does my mother live in?", recalled=items))[1] == ("m2",)


def test_that_it_is_ones_own_answers_no_more_of_the_question() -> None:
    items = (
        recalled("m1", "My dog likes tea."),
        recalled("m2", "Our dog is called Rex.", "Bob"),
    )
    asked = question("What is my dog called?", recalled=items, chat_kind=ChatKind.GROUP)
    assert reply(asked)[1] == ("m2",)
    asked = question("What is my dog called?", recalled=items[:1], chat_kind=ChatKind.GROUP)
    assert text(asked).startswith(NEAREST)


def test_what_is_near_in_meaning_is_offered_too() -> None:
    items = (
        recalled("m1", "I like tea.", meaning=0.1),
        recalled("m2", "My dog is called Biscuit.", meaning=0.6),
        recalled("m3", "What is my pet?", meaning=0.7),
    )
    assert text(question("What's the pet's name?", recalled=items)) == (
        f"{NEAREST}\n\nOn 2026-11-01 you said: “My dog is called Biscuit.”"
    )


def test_what_was_not_shown_is_not_known() -> None:
    cut = recalled("m1", "My dog is called Biscuit.", shown=False)
    assert text(question("What is my dog called?", recalled=(cut,))) == NOTHING


def test_the_talk_of_the_moment_counts_too() -> None:
    recent = (message("My dog is called Biscuit.", said_at=on("2026-11-19")), *TOLD_BEFORE)
    assert reply(question("What is my dog called?", recent=recent)) == (
        "On 2026-11-19 you said: “My dog is called Biscuit.”",
        (),
    )
    assert text(question("My dog is called Biscuit. What is my dog called?")) == (
        "You just said: “My dog is called Biscuit.”"
    )
    assert "Biscuit" in text(question("My dog is called Biscuit.", "What is my dog called?"))


def test_a_message_that_was_recalled_and_is_recent_is_quoted_with_its_handle() -> None:
    said = message("My dog is called Biscuit.", said_at=on("2026-11-19"))
    asked = question("What is my dog called?", recent=(said,), recalled=(recalled("m1", "", said=said),))
    assert reply(asked)[1] == ("m1",)


def test_standing_instructions_can_be_asked_for() -> None:
    asked = question("What language should you answer in?", instructions=(instruction("Answer in French."),))
    assert "you said: “Answer in French.”" in text(asked)


def test_remis_own_words_come_second_and_its_quotes_never() -> None:
    own = recalled("m1", "The ferry leaves at noon.", "Remi", role=Role.REMI)
    quoting = recalled("m2", "On 2026-01-01 you said: “The ferry leaves at ten.”", "Remi", role=Role.REMI)
    asked = question("When does the ferry leave?", recalled=(own, quoting))
    assert text(asked) == "On 2026-11-01 I said: “The ferry leaves at noon.”"
    bob = recalled("m3", "Our ferry leaves at one.", "Bob")
    assert reply(question("When does the ferry leave?", recalled=(own, bob)))[1] == ("m3",)


@pytest.mark.parametrize("said", [NOTHING, f"{NOTED}\n\n{NOTE}", HELLO, ASK_ME, f"{NOT_ERASED}\n\n{NOTED}"])
def test_set_phrases_answer_nothing(said: str) -> None:
    own = recalled("m1", said, "Remi", role=Role.REMI, meaning=0.9)
    assert text(question("When does the ferry leave?", recalled=(own,))) == NOTHING
    assert text(question("What can you tell me about words?", recalled=(own,))) == NOTHING
    assert beside_set_phrases(said) == ""


def test_what_remi_said_beside_a_set_phrase_answers() -> None:
    own = recalled("m1", f"{NOTED} The ferry leaves at noon.", "Remi", role=Role.REMI)
    asked = question("When does the ferry leave?", recalled=(own,))
    assert text(asked) == "On 2026-11-01 I said: “The ferry leaves at noon.”"
    again = text(question("My dog is called Biscuit.", recalled=(DOG,)))
    assert beside_set_phrases(again) == ""


@pytest.mark.parametrize(
    "said",
    [
        "Hello, how are you?",
        "Hi",
        "Hey there!",
        "Good morning, Remi 🙂",
        "How's it going?",
        "Guten Morgen! Wie geht's?",
        "¡Hola! ¿Qué tal?",
        "Bonjour, comment ça va ?",
        "Привет!",
        "你好",
        "नमस्ते",
    ],
)
def test_a_greeting_is_greeted(said: str) -> None:
    near = recalled("m1", "Hi", meaning=0.9)
    assert text(question(said, recalled=(near,))) == HELLO


def test_what_comes_with_a_greeting_is_answered_and_a_greeting_quoted_never() -> None:
    items = (recalled("m1", "I live in Leeds."), recalled("m2", "Hello", meaning=0.9))
    assert text(question("Hello, where do I live?", recalled=items)).endswith("you said: “I live in Leeds.”")
    assert text(question("Hello!", "where do I live", recalled=items)).endswith("“I live in Leeds.”")
    assert text(question("When does the ferry leave?", recalled=items[1:])) == NOTHING
    assert text(question("Hi! My dog is called Biscuit.")) == NOTED
    assert text(question("There is milk in the fridge.")) == NOTED
    greeted = recalled("m1", "Hi, my dog is called Biscuit.")
    assert "“Hi, my dog is called Biscuit.”" in text(question("What is my dog called?", recalled=(greeted,)))


@pytest.mark.parametrize(
    "asked",
    [
        "What do you know about me?",
        "What do you remember?",
        "Tell me everything you know about me.",
        "What have I told you?",
        "Is there anything you remember?",
        "Who are you?",
        "What can you do?",
        "Help",
        "help me!",
        "Can you help me, please?",
        "Hilfe!",
    ],
)
def test_who_asks_nothing_in_particular_is_told_what_may_be_asked(asked: str) -> None:
    near = recalled("m2", "What I know about you all is everything.", meaning=0.9)
    answer = text(question(asked, recalled=(DOG, near)))
    assert answer == ASK_ME
    assert "/memory" in answer
    assert "/help" in answer
    about = question(f"Hello! {asked} What is my dog called?", recalled=(DOG,))
    assert "Biscuit" in text(about)


@pytest.mark.parametrize(
    "order",
    [
        "Delete everything you know about me.",
        "please forget my PIN",
        "Forget what I told you about my dentist.",
        "cancel reminder 3",
        "Can you erase my address?",
        "Could you please delete that?",
        "Hi Remi, please forget it.",
        "Vergiss bitte meine PIN.",
        "Oublie mon adresse.",
        "Borra todo.",
        "Забудь мой адрес.",
    ],
)
def test_an_order_to_forget_is_not_taken_for_obeyed(order: str) -> None:
    answer = text(question(order, recalled=(recalled("m1", "My PIN is 1234.", meaning=0.9),)))
    assert answer == NOT_ERASED
    assert "/forget" in answer
    assert "/reminders" in answer
    assert NOTED not in answer


@pytest.mark.parametrize(
    "said",
    [
        "Don't forget that Anna comes on Monday.",
        "Forget-me-nots are blue.",
        "I forget names.",
        "Cancelled my flight today.",
        "Vergiss nicht, dass Anna am Montag kommt.",
        "Never forget.",
    ],
)
def test_what_only_speaks_of_forgetting_is_noted(said: str) -> None:
    assert text(question(said)) == NOTED


def test_what_comes_with_an_order_to_forget_is_answered_too() -> None:
    assert text(question("Forget my PIN. What is my dog called?", recalled=(DOG,))).split("\n\n") == [
        NOT_ERASED,
        "On 2026-11-01 you said: “My dog is called Biscuit.”",
    ]
    assert text(question("Forget my PIN. I like tea.")) == f"{NOT_ERASED}\n\n{NOTED}"


def test_an_order_to_forget_answers_where_nothing_else_does() -> None:
    order = recalled("m1", "Forget what I told you about my dentist.", day="2026-11-05")
    dentist = recalled("m2", "My dentist is Dr. Weber.")
    assert reply(question("Who is my dentist?", recalled=(order, dentist)))[1] == ("m2",)
    assert reply(question("Who is my dentist?", recalled=(order,)))[1] == ("m1",)
    both = recalled("m1", "Forget the old PIN. My PIN is 1234 now.")
    assert "“My PIN is 1234 now.”" in text(question("What is my PIN?", recalled=(both,)))
    instead = recalled("m1", "Forget my old PIN, it is 1234 now.", day="2026-11-05")
    old = recalled("m2", "My PIN is 9999.")
    assert reply(question("What is my PIN?", recalled=(instead, old)))[1] == ("m1", "m2")


def test_a_statement_is_noted() -> None:
    assert text(question("My dog is called Biscuit.")) == NOTED
    assert text(question("")) == NOTED
    assert text(question("🙂")) == NOTED


def test_a_statement_that_changes_something_says_what_was_before() -> None:
    asked = question("My dog is called Rex.", recalled=(DOG, recalled("m2", "Dogs are fine.")))
    assert reply(asked) == (
        f"{NOTED} Before, on 2026-11-01, you said: “My dog is called Biscuit.”\n\n{NOTE}",
        ("m1",),
    )
    assert text(question("my dog is called biscuit", recalled=(DOG,))) == (
        f"{NOTED} You said so on 2026-11-01, too."
    )
    bobs = recalled("m1", "My dog is called Biscuit.", "Bob")
    assert text(question("My dog is called Rex.", recalled=(bobs,), chat_kind=ChatKind.GROUP)) == NOTED


def test_huge_messages_are_read_at_their_ends() -> None:
    middle = "Nothing of interest here. " * 40_000
    asked = question(f"My dog is called Biscuit. {middle}What is my dog called?")
    assert text(asked) == "You just said: “My dog is called Biscuit.”"


@pytest.mark.parametrize(
    ("said", "asked", "quoted"),
    [
        ("Mein Hund heißt Biscuit.", "Wie heißt mein Hund?", "Mein Hund heißt Biscuit."),
        ("Mon chien s'appelle Biscuit.", "Comment s'appelle mon chien ?", "Mon chien s'appelle Biscuit."),
        ("Моего пса зовут Бисквит.", "Как зовут моего пса?", "Моего пса зовут Бисквит."),
        ("私の犬の名前はビスケットです。", "私の犬の名前は何ですか？", "私の犬の名前はビスケットです。"),
        ("اسم كلبي بسكويت.", "ما اسم كلبي؟", "اسم كلبي بسكويت."),
    ],
)
def test_other_languages(said: str, asked: str, quoted: str) -> None:
    assert f"“{quoted}”" in text(question(asked, recalled=(recalled("m1", said),)))


@pytest.mark.parametrize(
    "sentence",
    [
        "What is my dog called?",
        "My dog is called Biscuit, right?!",
        "(Really?) 🙂",
        "what is my dog called",
        "do you know my dog",
        "Is there any milk",
        "Tell me about my dog.",
        "Please list my dogs",
        "Remind me what I said about tea.",
        "Wie heißt mein Hund",
        "Wo wohne ich",
        "Could you please tell me my address.",
        "¿Cómo se llama mi perro?",
        "我的狗叫什么？",
        "Πώς λέγεται ο σκύλος μου\u037e",
    ],
)
def test_questions(sentence: str) -> None:
    assert is_question(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "My dog is called Biscuit.",
        "My dog is called Biscuit",
        "When I was young I lived in Rome.",
        "What a day!",
        "Will is my brother",
        "- what Anna likes: tea",
        "Remind me to call Bob",
        "Listen to this",
        "See https://example.org/?q=dog for more.",
        "Wie schön.",
        "",
    ],
)
def test_statements(sentence: str) -> None:
    assert not is_question(sentence)
