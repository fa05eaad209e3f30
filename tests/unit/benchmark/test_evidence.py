from services.benchmark.evidence import ENOUGH, Hit, found, share

SHORT = "My dog is called Biscuit."
LONG = "On the first day we went up the hill. " * 100
TEXTS = {"short": SHORT, "long": LONG}


def stretch(message_id: str, start: int, end: int) -> Hit:
    return Hit(TEXTS[message_id][start:end], 1, message_id, start, end)


def memory(text: str, *quotes: tuple[str, str]) -> Hit:
    return Hit(text, 1, quotes=quotes)


def test_half_a_message_is_enough_and_less_is_not() -> None:
    half = -(-len(SHORT) // 2)
    assert found([stretch("short", 0, half)], TEXTS) == {"short"}
    assert found([stretch("short", 0, half - 1)], TEXTS) == set()


def test_of_a_long_message_so_many_characters_are_enough() -> None:
    assert found([stretch("long", 1000, 1000 + ENOUGH)], TEXTS) == {"long"}
    assert found([stretch("long", 1000, 1000 + ENOUGH - 1)], TEXTS) == set()


def test_stretches_add_up_and_what_they_share_counts_once() -> None:
    assert found([stretch("long", 0, 200), stretch("long", 100, 250)], TEXTS) == set()
    assert found([stretch("long", 0, 200), stretch("long", 100, 300)], TEXTS) == {"long"}


def test_a_memory_shows_a_source_by_the_quote_in_its_own_text() -> None:
    assert found([memory(f"{SHORT} Ann said so.", ("short", SHORT))], TEXTS) == {"short"}
    assert found([memory("Ann has a dog.", ("short", SHORT))], TEXTS) == set()
    assert found([memory("Biscuit", ("short", "Biscuit"))], TEXTS) == set()


def test_a_quote_that_is_not_there_shows_nothing() -> None:
    invented = "My cat is called Toast, I think."
    assert found([memory(invented, ("short", invented))], TEXTS) == set()
    assert found([memory(SHORT, ("elsewhere", SHORT))], TEXTS) == set()


def test_the_share_of_the_evidence() -> None:
    assert share(["short", "long"], {"long", "other"}) == 0.5
