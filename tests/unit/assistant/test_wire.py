"""What comes in is checked field by field: bad input is named, odd input survives."""

from datetime import UTC, datetime, timedelta

import pytest

from services.assistant import wire
from services.assistant.domain import (
    Attachment,
    ChatKind,
    Commanded,
    Deleted,
    Edited,
    Platform,
    Pressed,
    Reacted,
    Said,
    Stop,
)
from services.assistant.store.outbox import GoingOn, Later, Result, Settled
from services.errors import InvalidEvent
from services.stubs.assistant.v1 import assistant_pb2 as pb

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def request(**changes: object) -> pb.ConverseRequest:
    asked = pb.ConverseRequest(
        idempotency_key="telegram:99:7:1",
        place=pb.Place(
            platform=pb.PLATFORM_TELEGRAM, bot_id="99", chat_id="7", chat_kind=pb.CHAT_KIND_DIRECT, title="x"
        ),
        author=pb.Author(user_id="7", display_name="Ann"),
        sent_at=wire.timestamp(NOW),
        message=pb.MessageEvent(message_id="1", text="hello"),
    )
    asked.MergeFrom(pb.ConverseRequest(**changes))  # type: ignore[arg-type]
    return asked


def read(asked: pb.ConverseRequest, trusts_clock: bool = False) -> object:
    return wire.event_from(asked, NOW, trusts_clock).body


def refused(asked: pb.ConverseRequest) -> str:
    with pytest.raises(InvalidEvent) as caught:
        wire.event_from(asked, NOW, False)
    return caught.value.field


def test_a_message_becomes_something_said() -> None:
    event = wire.event_from(request(), NOW, False)
    assert event.body == Said("1", "hello")
    assert event.place.platform is Platform.TELEGRAM
    assert event.place.chat_kind is ChatKind.DIRECT
    assert event.addressed
    assert event.sent_at == NOW


def test_every_kind_of_event_has_its_type() -> None:
    assert read(request(edit=pb.EditEvent(message_id="1", text="x"))) == Edited("1", "x")
    assert read(request(deletion=pb.DeletionEvent(message_ids=["1", "2"]))) == Deleted(("1", "2"))
    command = pb.CommandEvent(name="Memory", arguments=" dogs ", reply_to_message_id="4")
    assert read(request(command=command)) == Commanded("memory", "dogs", "", "4")
    assert read(request(button=pb.ButtonEvent(action="a", message_id="3"))) == Pressed("a", "3")
    assert read(request(reaction=pb.ReactionEvent(message_id="3", emoji="👎"))) == Reacted("3", "👎", False)
    assert read(request(stop=pb.StopEvent())) == Stop()


def test_a_replied_to_message_comes_along_and_never_from_the_future() -> None:
    later = wire.timestamp(NOW + timedelta(hours=1))
    replied = pb.RepliedTo(message_id="0", author=pb.Author(user_id="8"), text="Rex bites.", sent_at=later)
    body = read(request(message=pb.MessageEvent(message_id="1", text="who bites?", replied_to=replied)))
    assert isinstance(body, Said)
    assert body.replied_to is not None
    assert body.replied_to.sent_at == NOW
    assert body.replied_to.author.display_name == "somebody"
    blank = pb.RepliedTo(message_id="0", text=" ")
    body = read(request(message=pb.MessageEvent(message_id="1", text="x", replied_to=blank)))
    assert isinstance(body, Said)
    assert body.replied_to is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"idempotency_key": "discord:1"}, "idempotency_key"),
        ({"idempotency_key": "telegram:" + "9" * 200}, "idempotency_key"),
        ({"place": pb.Place(platform=99)}, "place.platform"),  # type: ignore[arg-type]
        ({"place": pb.Place(chat_kind=9)}, "place.chat_kind"),  # type: ignore[arg-type]
        ({"place": pb.Place(chat_id="7" * 200)}, "place.chat_id"),
        ({"place": pb.Place(thread_id="a\nb")}, "place.thread_id"),
        ({"message": pb.MessageEvent(text="x" * (wire.MAX_TEXT + 1))}, "message.text"),
        ({"message": pb.MessageEvent(text="a\x00b")}, "message.text"),
        ({"message": pb.MessageEvent(text=" \n")}, "message.text"),
        ({"message": pb.MessageEvent(attachments=[pb.Attachment()] * 21)}, "message.attachments"),
        ({"edit": pb.EditEvent(text="x")}, "edit.message_id"),
        ({"deletion": pb.DeletionEvent()}, "deletion.message_ids"),
        ({"deletion": pb.DeletionEvent(message_ids=["1"] * 1001)}, "deletion.message_ids"),
        ({"command": pb.CommandEvent(name="two words")}, "command.name"),
    ],
)
def test_bad_input_names_its_field(changes: dict[str, object], field: str) -> None:
    assert refused(request(**changes)) == field


def test_what_is_missing_is_named() -> None:
    asked = request()
    asked.ClearField("event")
    asked.ClearField("message")
    assert refused(asked) == "event"
    asked = request()
    asked.author.user_id = ""
    assert refused(asked) == "author.user_id"


def test_a_clock_that_runs_ahead_loses_nothing() -> None:
    ahead = request(sent_at=wire.timestamp(NOW + timedelta(days=400)))
    assert wire.event_from(ahead, NOW, False).sent_at == NOW
    assert wire.event_from(ahead, NOW, True).sent_at == NOW + timedelta(days=400)
    unset = request()
    unset.ClearField("sent_at")
    assert wire.event_from(unset, NOW, False).sent_at == NOW


def test_moments_that_are_none_are_named() -> None:
    broken = request()
    broken.sent_at.seconds, broken.sent_at.nanos = 10**15, 0
    assert refused(broken) == "sent_at"
    long_past = request()
    long_past.sent_at.seconds = 5
    assert refused(long_past) == "sent_at"
    far_ahead = request()
    far_ahead.sent_at.FromDatetime(datetime(9999, 12, 31, 23))
    assert refused(far_ahead) == "sent_at"


def test_emoji_right_to_left_and_ten_thousand_mentions_pass() -> None:
    text = "שלום 👩‍👩‍👧 " + "@ann " * 10_000
    assert read(request(message=pb.MessageEvent(message_id="1", text=text))) == Said("1", text)


def test_files_and_kinds_lose_what_can_not_be_printed() -> None:
    """Postgres takes no NUL, and a gateway would say the event again for ever."""
    file = pb.Attachment(reference="a\x00b", file_name="c\x00.md", media_type="text/\x00plain", size_bytes=1)
    body = read(request(message=pb.MessageEvent(message_id="1", attachments=[file])))
    assert isinstance(body, Said)
    assert body.attachments == (Attachment("ab", "c.md", "text/plain", 1),)
    body = read(request(message=pb.MessageEvent(message_id="1", unsupported_kind="po\x00ll")))
    assert isinstance(body, Said)
    assert body.unsupported_kind == "poll"
    assert refused(request(message=pb.MessageEvent(text=" ", unsupported_kind="\x00"))) == "message.text"


def test_names_lose_what_can_not_be_printed() -> None:
    asked = request(author=pb.Author(display_name="A\x07nn \u202e\n Lee", language="not a tag!"))
    author = wire.event_from(asked, NOW, False).author
    assert (author.display_name, author.language) == ("Ann Lee", "")


@pytest.mark.parametrize(
    ("acknowledgement", "result"),
    [
        (pb.AcknowledgeRequest(delivered=pb.Delivered(message_ids=["1"])), Settled("delivered", ("1",))),
        (pb.AcknowledgeRequest(partly=pb.PartlyDelivered()), Later((), timedelta(seconds=1))),
        (
            pb.AcknowledgeRequest(partly=pb.PartlyDelivered(message_ids=["1"], goes_on=True)),
            GoingOn(("1",)),
        ),
        (pb.AcknowledgeRequest(rejected=pb.Rejected(reason="403")), Settled("rejected", (), "403")),
        (pb.AcknowledgeRequest(unknown=pb.UnknownAfterSend()), Settled("unknown", ())),
    ],
)
def test_each_acknowledgement_is_a_result(acknowledgement: pb.AcknowledgeRequest, result: Result) -> None:
    assert wire.result_from(acknowledgement) == result


def test_a_rate_limit_waits_as_long_as_asked_but_an_hour_at_most() -> None:
    limited = pb.AcknowledgeRequest()
    limited.rate_limited.retry_after.FromTimedelta(timedelta(days=2))
    assert wire.result_from(limited) == Later((), timedelta(hours=1), closed=True)
    for seconds, closed_for in ((2**62, timedelta(hours=1)), (-(2**62), timedelta(0))):
        limited.rate_limited.retry_after.seconds = seconds
        assert wire.result_from(limited) == Later((), closed_for, closed=True)
    limited.rate_limited.retry_after.FromTimedelta(timedelta(seconds=1.5))
    assert wire.result_from(limited) == Later((), timedelta(seconds=1.5), closed=True)


def test_an_acknowledgement_needs_a_result_and_an_id_of_ours() -> None:
    with pytest.raises(InvalidEvent):
        wire.result_from(pb.AcknowledgeRequest())
    for foreign in ("", "x" * 64, "12"):
        with pytest.raises(InvalidEvent):
            wire.delivery_ids(foreign)
