"""Telegram's updates into events of the contract. Nothing here asks anybody: all is in the update."""

from datetime import UTC, datetime

from aiogram.enums import ContentType
from aiogram.types import (
    CallbackQuery,
    Chat,
    Message,
    MessageEntity,
    MessageGenerationStopped,
    MessageOriginUser,
    MessageReactionUpdated,
    ReactionTypeEmoji,
    Update,
    User,
)
from google.protobuf.timestamp_pb2 import Timestamp

from services.gateway.text import quoted, utf16_length
from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.telegram.render import MAX_LENGTH

# The kinds of updates that `translate` knows; Telegram is asked for these only.
KINDS = ("message", "edited_message", "callback_query", "message_reaction", "stopped_message_generation")

_DEFAULT_MEDIA_TYPES = {
    ContentType.LIVE_PHOTO: "image/jpeg",
    ContentType.PHOTO: "image/jpeg",
    ContentType.VIDEO_NOTE: "video/mp4",
    ContentType.VOICE: "audio/ogg",
}
_FILES = {
    *_DEFAULT_MEDIA_TYPES,
    ContentType.ANIMATION,
    ContentType.AUDIO,
    ContentType.DOCUMENT,
    ContentType.VIDEO,
}
# Longest name of a command in the contract.
_MAX_NAME = 32
# What somebody said that is no text; all other kinds are notices of the chat itself.
_UNSUPPORTED = {
    ContentType.CHECKLIST,
    ContentType.CONTACT,
    ContentType.DICE,
    ContentType.GAME,
    ContentType.GIVEAWAY,
    ContentType.INVOICE,
    ContentType.LOCATION,
    ContentType.PAID_MEDIA,
    ContentType.POLL,
    ContentType.RICH_MESSAGE,
    ContentType.STICKER,
    ContentType.STORY,
    ContentType.VENUE,
}


def translate(update: Update, me: User) -> list[pb.ConverseRequest]:
    """The events in an update: none where it says nothing to Remi, several where several reactions changed.

    `me` is the bot. An author's role in a group is left unspecified where the update doesn't tell it.
    """
    if update.message is not None:
        return _moved(update.message, me) or _message(update.message, me)
    if update.edited_message is not None:
        return _edit(update.edited_message, me)
    if update.callback_query is not None:
        return _button(update.callback_query, me)
    if update.message_reaction is not None:
        return _reactions(update.message_reaction, update.update_id, me)
    if update.stopped_message_generation is not None:
        return [_stopped(update.stopped_message_generation, update.update_id, me)]
    return []


def _message(message: Message, me: User) -> list[pb.ConverseRequest]:
    request = _from_message(message, me, str(message.message_id))
    kind = ContentType(message.content_type)
    if request is None or kind not in {ContentType.TEXT, *_FILES, *_UNSUPPORTED}:
        return []
    request.sent_at.CopyFrom(_timestamp(message.date))
    command = _command(message, me)
    if command is not None:
        _give(request, command)
        return [request]
    reply_to = _replied_to(message)
    event = pb.MessageEvent(
        message_id=str(message.message_id),
        text=_told(message),
        reply_to_message_id=str(reply_to.message_id) if reply_to else "",
        replied_to=_shown(reply_to) if reply_to else None,
        # The apps cut a long paste at the limit; whether more follows can't be known yet.
        continues=utf16_length(message.text or "") == MAX_LENGTH,
    )
    if kind in _FILES:
        event.attachments.append(_attachment(message, kind))
    elif kind in _UNSUPPORTED:
        event.unsupported_kind = kind.value.replace("_", " ")
    request.message.CopyFrom(event)
    return [request]


def _give(request: pb.ConverseRequest, command: pb.CommandEvent) -> None:
    """Make it the request's event."""
    if command.name == "stop":
        request.stop.SetInParent()
    else:
        request.command.CopyFrom(command)


def _moved(message: Message, me: User) -> list[pb.ConverseRequest]:
    """A group became a supergroup, which has another id. Either chat says so, and both say the same event."""
    if message.migrate_to_chat_id is not None:
        old, new = message.chat.id, message.migrate_to_chat_id
    elif message.migrate_from_chat_id is not None:
        old, new = message.migrate_from_chat_id, message.chat.id
    else:
        return []
    place = _place(message.chat, me, "")
    place.chat_id = str(old)
    return [
        pb.ConverseRequest(
            idempotency_key=f"telegram:{me.id}:{old}:moved:{new}",
            place=place,
            author=pb.Author(role=pb.CHAT_ROLE_MEMBER),
            sent_at=_timestamp(message.date),
            chat_moved=pb.ChatMovedEvent(to_chat_id=str(new)),
        )
    ]


def _edit(message: Message, me: User) -> list[pb.ConverseRequest]:
    """A message as it reads now. Where that is a command, what it read before is taken back."""
    if (message.text or message.caption) is None or message.edit_date is None:
        return []
    key = f"{message.message_id}:e{message.edit_date}"
    request = _from_message(message, me, key)
    if request is None:
        return []
    edited_at = Timestamp(seconds=message.edit_date)
    request.sent_at.CopyFrom(edited_at)
    command = _command(message, me)
    if command is None:
        edit = pb.EditEvent(message_id=str(message.message_id), text=_told(message), edited_at=edited_at)
        request.edit.CopyFrom(edit)
        return [request]
    gone = pb.ConverseRequest()
    gone.CopyFrom(request)
    gone.idempotency_key += ":d"
    gone.deletion.message_ids.append(str(message.message_id))
    _give(request, command)
    return [gone, request]


def _button(query: CallbackQuery, me: User) -> list[pb.ConverseRequest]:
    """Telegram does not say when a button was pressed; sent_at stays unset."""
    if query.message is None or query.data is None:
        return []
    message = query.message
    thread = _thread(message) if isinstance(message, Message) else ""
    return [
        pb.ConverseRequest(
            idempotency_key=f"telegram:{me.id}:cb:{query.id}",
            place=_place(message.chat, me, thread),
            author=_user(query.from_user, message.chat),
            addressed=True,
            button=pb.ButtonEvent(action=query.data, message_id=str(message.message_id)),
        )
    ]


def _reactions(change: MessageReactionUpdated, update_id: int, me: User) -> list[pb.ConverseRequest]:
    if change.user is None or change.user.is_bot:
        return []
    old = [each.emoji for each in change.old_reaction if isinstance(each, ReactionTypeEmoji)]
    new = [each.emoji for each in change.new_reaction if isinstance(each, ReactionTypeEmoji)]
    events = [(emoji, True) for emoji in old if emoji not in new]
    events += [(emoji, False) for emoji in new if emoji not in old]
    message_id = str(change.message_id)
    return [
        pb.ConverseRequest(
            idempotency_key=f"telegram:{me.id}:{change.chat.id}:{message_id}:r{update_id}.{number}",
            place=_place(change.chat, me, ""),
            author=_user(change.user, change.chat),
            sent_at=_timestamp(change.date),
            addressed=change.chat.type == "private",
            reaction=pb.ReactionEvent(message_id=message_id, emoji=emoji, removed=removed),
        )
        for number, (emoji, removed) in enumerate(events)
    ]


def _stopped(stopped: MessageGenerationStopped, update_id: int, me: User) -> pb.ConverseRequest:
    """Drafts show in direct talks only, where the chat's id is the person's."""
    chat = stopped.chat
    return pb.ConverseRequest(
        idempotency_key=f"telegram:{me.id}:{chat.id}:{stopped.draft_id}:s{update_id}",
        place=_place(chat, me, str(stopped.message_thread_id or "")),
        author=pb.Author(user_id=str(chat.id), display_name=chat.full_name, role=pb.CHAT_ROLE_MEMBER),
        addressed=True,
        stop=pb.StopEvent(),
    )


def _from_message(message: Message, me: User, key: str) -> pb.ConverseRequest | None:
    """A request with everything but the event and its time; None for what no person said to a bot."""
    author = _author(message)
    if author is None or message.chat.type == "channel":
        return None
    return pb.ConverseRequest(
        idempotency_key=f"telegram:{me.id}:{message.chat.id}:{key}",
        place=_place(message.chat, me, _thread(message)),
        author=author,
        addressed=message.chat.type == "private" or _addressed(message, me),
    )


def _author(message: Message) -> pb.Author | None:
    """Who said it; a group or channel may speak itself, through an anonymous admin. None for bots."""
    if message.sender_chat is not None:
        role = pb.CHAT_ROLE_ADMIN if message.sender_chat.id == message.chat.id else pb.CHAT_ROLE_MEMBER
        name = message.sender_chat.full_name
        return pb.Author(user_id=str(message.sender_chat.id), display_name=name, role=role)
    if message.from_user is None or message.from_user.is_bot:
        return None
    return _user(message.from_user, message.chat)


def _user(user: User, chat: Chat) -> pb.Author:
    return pb.Author(
        user_id=str(user.id),
        display_name=user.full_name,
        role=pb.CHAT_ROLE_MEMBER if chat.type == "private" else pb.CHAT_ROLE_UNSPECIFIED,
        language=user.language_code or "",
    )


def _place(chat: Chat, me: User, thread: str) -> pb.Place:
    return pb.Place(
        platform=pb.PLATFORM_TELEGRAM,
        bot_id=str(me.id),
        chat_id=str(chat.id),
        thread_id=thread,
        chat_kind=pb.CHAT_KIND_DIRECT if chat.type == "private" else pb.CHAT_KIND_GROUP,
        title=chat.full_name,
    )


def _thread(message: Message) -> str:
    """The topic. Outside of forums message_thread_id only groups replies, and is no place to write to."""
    return str(message.message_thread_id) if message.is_topic_message and message.message_thread_id else ""


def _replied_to(message: Message) -> Message | None:
    """What it replies to. In a topic, what replies to nothing seems to reply to the topic's start."""
    reply_to = message.reply_to_message
    if reply_to is None or (message.is_topic_message and reply_to.message_id == message.message_thread_id):
        return None
    return reply_to


def _shown(message: Message) -> pb.RepliedTo | None:
    """A message of a person's as Telegram shows it beside the reply to it."""
    author = _author(message)
    if author is None:
        return None
    return pb.RepliedTo(
        message_id=str(message.message_id),
        author=author,
        text=_told(message),
        sent_at=_timestamp(message.date),
    )


def _addressed(message: Message, me: User) -> bool:
    """In a group: a mention of the bot, a reply to it, or a command that is not for another bot.

    What is forwarded was said to others.
    """
    if message.forward_origin is not None:
        return False
    reply_to = _replied_to(message)
    if reply_to is not None and reply_to.from_user is not None and reply_to.from_user.id == me.id:
        return True
    return _command(message, me) is not None or any(
        _mentions(entity, _text(message), me) for entity in _entities(message)
    )


def _mentions(entity: MessageEntity, text: str, me: User) -> bool:
    if entity.type == "text_mention":
        return entity.user is not None and entity.user.id == me.id
    return entity.type == "mention" and entity.extract_from(text).lower() == f"@{me.username}".lower()


def _command(message: Message, me: User) -> pb.CommandEvent | None:
    """The command that a text or a caption begins with.

    None for what is forwarded, names another bot, or has a name no command can have, such as /2024.
    """
    first = next(iter(_entities(message)), None)
    if first is None or first.type != "bot_command" or first.offset != 0:
        return None
    text = _text(message)
    command = first.extract_from(text)
    name, _, bot = command[1:].partition("@")
    is_ours = not bot or bot.lower() == (me.username or "").lower()
    is_name = name.isidentifier() and len(name) <= _MAX_NAME
    if message.forward_origin is not None or not is_ours or not is_name:
        return None
    reply_to = _replied_to(message)
    return pb.CommandEvent(
        name=name.lower(),
        arguments=text.removeprefix(command).strip(),
        message_id=str(message.message_id),
        reply_to_message_id=str(reply_to.message_id) if reply_to else "",
        file=_document(message) or (_document(reply_to) if reply_to else None),
    )


def _document(message: Message) -> pb.Attachment | None:
    """The file that a message is. A GIF holds a document too, for clients of long ago."""
    if message.content_type != ContentType.DOCUMENT:
        return None
    return _attachment(message, ContentType.DOCUMENT)


def _told(message: Message) -> str:
    """What a message says, quoted where whoever sent it forwards another's words."""
    origin, sender = message.forward_origin, message.from_user
    if isinstance(origin, MessageOriginUser) and sender is not None and origin.sender_user.id == sender.id:
        return _text(message)
    return quoted(_text(message)) if origin is not None else _text(message)


def _text(message: Message) -> str:
    return message.text or message.caption or ""


def _entities(message: Message) -> list[MessageEntity]:
    return message.entities or message.caption_entities or []


def _attachment(message: Message, kind: ContentType) -> pb.Attachment:
    media = getattr(message, kind.value)
    if isinstance(media, list):
        media = max(media, key=lambda size: size.width * size.height)
    return pb.Attachment(
        reference=media.file_id,
        file_name=getattr(media, "file_name", None) or "",
        media_type=getattr(media, "mime_type", None) or _DEFAULT_MEDIA_TYPES.get(kind, ""),
        size_bytes=media.file_size or 0,
    )


def _timestamp(moment: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(moment.astimezone(UTC))
    return made
