"""What a live Converse call hears: the newest draft, then the last word, once."""

from uuid import uuid4

from services.assistant.streams import Draft, Ended, Merged, Streams

TURN = uuid4()


async def test_a_slow_reader_skips_to_the_newest_draft() -> None:
    streams = Streams()
    with streams.listen("k") as listener:
        for revision in (1, 2, 3):
            streams.publish(["k"], Draft(TURN, revision, "x" * revision))
        assert await listener.next(1) == Draft(TURN, 3, "xxx")
        assert await listener.next(0) is None


async def test_the_last_word_passes_drafts_and_is_only_said_once() -> None:
    streams = Streams()
    with streams.listen("k") as listener:
        streams.publish(["k"], Draft(TURN, 1, "x"))
        streams.publish(["k"], Merged(TURN))
        streams.publish(["k"], Ended())
        assert await listener.next(1) == Merged(TURN)


async def test_two_calls_for_one_event_hear_the_same_and_nobody_hears_after_leaving() -> None:
    streams = Streams()
    with streams.listen("k") as one:
        with streams.listen("k") as other:
            streams.publish(["k", "unheard"], Ended())
            assert await one.next(1) == await other.next(1) == Ended()
        assert streams.is_heard("k")
    assert not streams.is_heard("k")
