"""From Discord's events to the contract's. Nothing here asks the network anything."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import discord

from services.discord.commands import ATTACHMENT_OPTION, TEXT_OPTION
from services.gateway.text import quoted
from services.stubs.assistant.v1 import assistant_pb2 as pb

# Told apart from joins, pins and boosts, which nobody said.
_SAID = {discord.MessageType.default, discord.MessageType.reply}
# Embeds alone, or what only newer clients show.
_OTHER_KIND = "message"
_MENTION = re.compile(r"<(?P<kind>@!?|@&|#)(?P<id>\d+)>")
_CUSTOM_EMOJI = re.compile(r"<a?(?P<name>:\w+:)\d+>")


def place(channel: discord.abc.Snowflake, bot: discord.ClientUser) -> pb.Place:
    """Where a channel is. A thread or forum post is a thread of the chat that its parent channel is."""
    found = pb.Place(
        platform=pb.PLATFORM_DISCORD,
        bot_id=str(bot.id),
        chat_id=str(channel.id),
        chat_kind=pb.CHAT_KIND_GROUP,
        title=getattr(channel, "name", None) or "",
    )
    if isinstance(channel, discord.Thread):
        found.chat_id = str(channel.parent_id)
        found.thread_id = str(channel.id)
    return found


def direct_place(channel_id: int, bot: discord.ClientUser) -> pb.Place:
    """Where a direct channel is."""
    found = place(discord.Object(channel_id), bot)
    found.chat_kind = pb.CHAT_KIND_DIRECT
    return found


def message(said: discord.Message, where: pb.Place, bot: discord.ClientUser) -> pb.ConverseRequest | None:
    """What a person said; None for what a bot said, and for messages that nobody typed."""
    request = _said(said, where, bot, f"discord:{said.id}", said.created_at)
    text = words(said, bot)
    attachments = [_attachment(said, attachment) for attachment in said.attachments]
    unsupported = "" if text or attachments else _kind(said)
    if request is None or (unsupported == _OTHER_KIND and not request.addressed):
        return None
    request.message.CopyFrom(
        pb.MessageEvent(
            message_id=str(said.id),
            text=text,
            attachments=attachments,
            reply_to_message_id=_replied(said),
            unsupported_kind=unsupported,
        )
    )
    replied = _resolved(said)
    if request.addressed and replied and not replied.author.bot and (told := words(replied, bot)):
        request.message.replied_to.message_id = str(replied.id)
        request.message.replied_to.author.CopyFrom(_author(replied.author))
        request.message.replied_to.text = told
        request.message.replied_to.sent_at.FromDatetime(replied.created_at)
    return request


def edit(said: discord.Message, where: pb.Place, bot: discord.ClientUser) -> pb.ConverseRequest | None:
    """A message as it reads now; None where the update was no edit, and where `message` gives None."""
    text = words(said, bot)
    if said.edited_at is None or not text:
        return None
    key = f"discord:{said.id}:e{_milliseconds(said.edited_at)}"
    request = _said(said, where, bot, key, said.edited_at)
    if request is not None:
        request.edit.message_id = str(said.id)
        request.edit.text = text
        request.edit.edited_at.FromDatetime(said.edited_at)
    return request


def deletion(ids: Iterable[int], where: pb.Place, at: datetime) -> pb.ConverseRequest:
    """Messages are gone; Discord doesn't say who took them away."""
    gone = sorted(ids)
    request = _request(where, f"discord:{gone[0]}:d", at, pb.Author())
    request.deletion.message_ids.extend(str(message_id) for message_id in gone)
    return request


def reaction(
    event: discord.RawReactionActionEvent, where: pb.Place, bot: discord.ClientUser, at: datetime
) -> pb.ConverseRequest | None:
    """An emoji that came or went; None for a bot's."""
    if event.user_id == bot.id or (event.member is not None and event.member.bot):
        return None
    removed = event.event_type == "REACTION_REMOVE"
    key = f"discord:{event.message_id}:{'u' if removed else 'r'}{event.user_id}:{_milliseconds(at)}"
    request = _request(where, key, at, _author(event.member or discord.Object(event.user_id)))
    request.addressed |= event.message_author_id == bot.id
    request.reaction.message_id = str(event.message_id)
    request.reaction.emoji = str(event.emoji)
    request.reaction.removed = removed
    return request


def command(interaction: discord.Interaction, where: pb.Place) -> pb.ConverseRequest:
    """A slash command."""
    request = _interaction(interaction, where)
    if is_stop(interaction):
        request.stop.SetInParent()
        return request
    data: Any = interaction.data
    request.command.name = data["name"]
    options = data.get("options", ())
    request.command.arguments = " ".join(each["value"] for each in options if each["type"] == TEXT_OPTION)
    for option in options:
        if option["type"] == ATTACHMENT_OPTION:
            request.command.file.CopyFrom(_given(data["resolved"]["attachments"][option["value"]]))
    return request


def is_stop(interaction: discord.Interaction) -> bool:
    """Whether it is the command that passes the queue."""
    data: Any = interaction.data
    return interaction.type is discord.InteractionType.application_command and data["name"] == "stop"


def button(interaction: discord.Interaction, where: pb.Place) -> pb.ConverseRequest:
    """A press on a button."""
    request = _interaction(interaction, where)
    data: Any = interaction.data
    request.button.action = data["custom_id"]
    request.button.message_id = str(interaction.message.id) if interaction.message else ""
    return request


def _request(where: pb.Place, key: str, at: datetime, author: pb.Author) -> pb.ConverseRequest:
    direct = where.chat_kind == pb.CHAT_KIND_DIRECT
    request = pb.ConverseRequest(idempotency_key=key, place=where, author=author, addressed=direct)
    request.sent_at.FromDatetime(at)
    return request


def _said(
    said: discord.Message, where: pb.Place, bot: discord.ClientUser, key: str, at: datetime
) -> pb.ConverseRequest | None:
    if said.author.bot or said.type not in _SAID:
        return None
    request = _request(where, key, at, _author(said.author))
    request.addressed |= _addressed(said, bot)
    return request


def _interaction(interaction: discord.Interaction, where: pb.Place) -> pb.ConverseRequest:
    author = _author(interaction.user)
    author.language = interaction.locale.value
    request = _request(where, f"discord:i{interaction.id}", interaction.created_at, author)
    request.addressed = True
    return request


def _author(person: discord.abc.Snowflake) -> pb.Author:
    role = pb.CHAT_ROLE_MEMBER
    if isinstance(person, discord.Member) and person.guild_permissions.manage_guild:
        role = pb.CHAT_ROLE_ADMIN
    return pb.Author(user_id=str(person.id), display_name=getattr(person, "display_name", ""), role=role)


def _addressed(said: discord.Message, bot: discord.ClientUser) -> bool:
    own_role = said.guild.self_role if said.guild else None
    replied = _resolved(said)
    return (
        any(person.id == bot.id for person in said.mentions)
        or (own_role is not None and own_role in said.role_mentions)
        or (replied is not None and replied.author.id == bot.id)
    )


def _replied(said: discord.Message) -> str:
    if said.type is not discord.MessageType.reply or said.reference is None:
        return ""
    return str(said.reference.message_id or "")


def _resolved(said: discord.Message) -> discord.Message | None:
    """The message it replies to, as Discord shows it along with the reply."""
    resolved = said.reference.resolved if said.reference and _replied(said) else None
    return resolved if isinstance(resolved, discord.Message) else None


def words(said: discord.Message, bot: discord.ClientUser) -> str:
    """What was typed, with names in the place of ids; without the mention that it begins with."""
    text = said.content or "\n\n".join(quoted(snapshot.content) for snapshot in said.message_snapshots)
    bare = re.sub(rf"\A\s*<@!?{bot.id}>[\s,:]*", "", text)
    names = {person.id: f"@{person.display_name}" for person in said.mentions}
    names |= {role.id: f"@{role.name}" for role in said.role_mentions}
    names |= {channel.id: f"#{channel.name}" for channel in said.channel_mentions}
    named = _MENTION.sub(lambda found: names.get(int(found["id"]), found[0]), bare or text)
    return _CUSTOM_EMOJI.sub(r"\g<name>", named)


def _kind(said: discord.Message) -> str:
    if said.stickers:
        return "sticker"
    return "poll" if said.poll else _OTHER_KIND


def _attachment(said: discord.Message, attachment: discord.Attachment) -> pb.Attachment:
    """By reference: the address Discord gives runs out after a day, so it is asked for anew by these ids."""
    return pb.Attachment(
        reference=f"{said.channel.id}/{said.id}/{attachment.id}",
        file_name=attachment.filename,
        media_type=attachment.content_type or "",
        size_bytes=attachment.size,
    )


def _given(attachment: Any) -> pb.Attachment:
    """By its address, good for a day: what comes with a command stands in no message to ask for it anew."""
    return pb.Attachment(
        reference=attachment["url"],
        file_name=attachment["filename"],
        media_type=attachment.get("content_type", ""),
        size_bytes=attachment["size"],
    )


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
