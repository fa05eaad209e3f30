"""What stands on the fake Discord: people, guilds, channels and messages, in Discord's shapes."""

import itertools
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

Json = Any

DISCORD_EPOCH_MS = 1_420_070_400_000
TEXT, DIRECT, PUBLIC_THREAD, FORUM = 0, 1, 11, 15
DEFAULT, REPLY, COMMAND_ANSWER = 0, 19, 20
LOADING = 1 << 7
SUPPRESS_EMBEDS = 1 << 2
ADMINISTRATOR = 1 << 3
ALL_PERMISSIONS = str((1 << 50) - 1)


@dataclass(slots=True, eq=False)
class Person:
    id: int
    name: str
    bot: bool = False


@dataclass(slots=True, eq=False)
class Guild:
    id: int
    name: str
    owner: Person
    bot_role: int
    admin_role: int
    members: list[Person] = field(default_factory=list)
    admins: list[Person] = field(default_factory=list)
    channels: "list[Channel]" = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Channel:
    id: int
    kind: int
    name: str = ""
    guild: Guild | None = None
    parent: "Channel | None" = None
    person: Person | None = None
    messages: dict[int, Json] = field(default_factory=dict)
    # (status, code) that every request about this channel is refused with.
    refused: tuple[int, int] | None = None
    typing: int = 0


@dataclass(slots=True, eq=False)
class File:
    """What somebody gave with a command. Whoever knows its signature can read it."""

    id: int
    name: str
    content: bytes
    signature: str


class World:
    """Everything there is; `bot` is the bot under test."""

    def __init__(self) -> None:
        self._last_ms = 0
        self._counter: Iterator[int] = itertools.count()
        self.bot = Person(self.new_id(), "Remi", bot=True)
        self.application_id = self.bot.id
        self.people: dict[int, Person] = {self.bot.id: self.bot}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.files: dict[int, File] = {}

    def new_id(self) -> int:
        """A snowflake of this moment, greater than all before."""
        self._last_ms = max(self._last_ms, int(time.time() * 1000) - DISCORD_EPOCH_MS)
        counter = next(self._counter)
        if counter % 4096 == 4095:
            self._last_ms += 1
        return (self._last_ms << 22) | (counter % 4096)

    def add_person(self, name: str, *, bot: bool = False) -> Person:
        person = Person(self.new_id(), name, bot)
        self.people[person.id] = person
        return person

    def add_guild(self, name: str, members: Sequence[Person], admins: Sequence[Person]) -> Guild:
        owner = self.add_person("Owner")
        guild = Guild(self.new_id(), name, owner, self.new_id(), self.new_id())
        guild.members = [self.bot, owner, *members, *admins]
        guild.admins = list(admins)
        self.guilds[guild.id] = guild
        return guild

    def add_channel(self, kind: int, name: str, guild: Guild, parent: Channel | None = None) -> Channel:
        channel = Channel(self.new_id(), kind, name, guild, parent)
        guild.channels.append(channel)
        self.channels[channel.id] = channel
        return channel

    def direct(self, person: Person) -> Channel:
        """The direct channel of a person and the bot; made when first asked for."""
        for channel in self.channels.values():
            if channel.person is person:
                return channel
        channel = Channel(self.new_id(), DIRECT, person=person)
        self.channels[channel.id] = channel
        return channel

    def add_file(self, name: str, content: bytes) -> File:
        file = File(self.new_id(), name, content, token_hex(32))
        self.files[file.id] = file
        return file

    def new_message(
        self, author: Person, channel: Channel, content: str, reply_to: Json | None = None, **fields: Json
    ) -> Json:
        """A message in REST form, now standing in its channel. A reply mentions whom it replies to."""
        message_id = self.new_id()
        mentioned = map(int, re.findall(r"<@!?(\d+)>", content))
        mentions = [self.people[found] for found in mentioned if found in self.people]
        if reply_to is not None and not any(
            str(person.id) == reply_to["author"]["id"] for person in mentions
        ):
            mentions.append(self.people[int(reply_to["author"]["id"])])
        message = {
            "id": str(message_id),
            "type": DEFAULT if reply_to is None else REPLY,
            "channel_id": str(channel.id),
            "author": user(author),
            "content": content,
            "timestamp": timestamp(message_id),
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [user(person) for person in mentions],
            "mention_roles": re.findall(r"<@&(\d+)>", content),
            "attachments": [],
            "embeds": [],
            "components": [],
            "flags": 0,
            "pinned": False,
        }
        if reply_to is not None:
            message["message_reference"] = reference(reply_to)
            message["referenced_message"] = {
                key: value for key, value in reply_to.items() if key != "referenced_message"
            }
        message.update(fields)
        channel.messages[message_id] = message
        return message

    def in_event(self, message: Json) -> Json:
        """A message as the gateway sends it: with the guild, and who its people are there."""
        channel = self.channels[int(message["channel_id"])]
        if channel.guild is None:
            return message
        event = {**message, "guild_id": str(channel.guild.id)}
        author = self.people[int(message["author"]["id"])]
        if author in channel.guild.members:
            event["member"] = in_message(member(author, channel.guild))
        event["mentions"] = [
            {**mentioned, "member": in_message(member(self.people[int(mentioned["id"])], channel.guild))}
            for mentioned in message["mentions"]
        ]
        return event


def timestamp(snowflake: int) -> str:
    """When the thing with this id was made, as ISO 8601."""
    return datetime.fromtimestamp(((snowflake >> 22) + DISCORD_EPOCH_MS) / 1000, UTC).isoformat()


def reference(message: Json) -> Json:
    return {"type": 0, "message_id": message["id"], "channel_id": message["channel_id"]}


def user(person: Person) -> Json:
    return {
        "id": str(person.id),
        "username": person.name.lower(),
        "global_name": person.name,
        "discriminator": "0",
        "avatar": None,
        "public_flags": 0,
        "flags": 0,
        "primary_guild": None,
    } | ({"bot": True} if person.bot else {})


def member(person: Person, guild: Guild) -> Json:
    roles = [guild.bot_role] if person.bot else [guild.admin_role] if person in guild.admins else []
    return {
        "user": user(person),
        "nick": None,
        "avatar": None,
        "banner": None,
        "roles": [str(role) for role in roles],
        "joined_at": timestamp(guild.id),
        "premium_since": None,
        "communication_disabled_until": None,
        "pending": False,
        "mute": False,
        "deaf": False,
        "flags": 0,
    }


def in_message(a_member: Json) -> Json:
    return {key: value for key, value in a_member.items() if key != "user"}


def channel_object(channel: Channel) -> Json:
    newest = str(max(channel.messages)) if channel.messages else None
    if channel.guild is None:
        assert channel.person is not None
        return {
            "id": str(channel.id),
            "type": DIRECT,
            "flags": 0,
            "last_message_id": newest,
            "recipients": [user(channel.person)],
        }
    shown: Json = {
        "id": str(channel.id),
        "type": channel.kind,
        "flags": 0,
        "guild_id": str(channel.guild.id),
        "name": channel.name,
        "last_message_id": newest,
        "rate_limit_per_user": 0,
        "parent_id": str(channel.parent.id) if channel.parent else None,
    }
    if channel.kind == PUBLIC_THREAD:
        return shown | {
            "owner_id": str(channel.guild.owner.id),
            "thread_metadata": {
                "archived": False,
                "archive_timestamp": timestamp(channel.id),
                "auto_archive_duration": 1440,
                "locked": False,
            },
            "message_count": len(channel.messages),
            "member_count": 1,
            "total_message_sent": len(channel.messages),
        }
    return shown | {"position": 0, "permission_overwrites": [], "nsfw": False, "topic": None}


def role(role_id: int, name: str, permissions: int, tags: Json | None = None) -> Json:
    return {
        "id": str(role_id),
        "name": name,
        "permissions": str(permissions),
        "position": 0,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": tags is not None,
        "mentionable": False,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    } | ({"tags": tags} if tags else {})


def guild_object(guild: Guild, bot: Person) -> Json:
    """A guild as GUILD_CREATE shows it."""
    absent = (
        "icon description home_header splash discovery_splash banner application_id afk_channel_id "
        "max_presences system_channel_id widget_channel_id vanity_url_code rules_channel_id "
        "safety_alerts_channel_id public_updates_channel_id incidents_data"
    )
    zero = (
        "system_channel_flags verification_level default_message_notifications mfa_level premium_tier "
        "nsfw_level explicit_content_filter premium_subscription_count max_stage_video_channel_users"
    )
    nothing = (
        "features emojis stickers voice_states presences stage_instances guild_scheduled_events "
        "soundboard_sounds"
    )
    return {
        **dict.fromkeys(absent.split()),
        **dict.fromkeys(zero.split(), 0),
        **{name: [] for name in nothing.split()},
        "id": str(guild.id),
        "name": guild.name,
        "owner_id": str(guild.owner.id),
        "region": "deprecated",
        "afk_timeout": 300,
        "widget_enabled": False,
        "max_members": 1000,
        "max_video_channel_users": 25,
        "preferred_locale": "en-US",
        "premium_progress_bar_enabled": False,
        "nsfw": False,
        "roles": [
            role(guild.id, "@everyone", 0),
            role(guild.bot_role, bot.name, 0, {"bot_id": str(bot.id)}),
            role(guild.admin_role, "Admins", ADMINISTRATOR),
        ],
        "joined_at": timestamp(guild.id),
        "large": False,
        "member_count": len(guild.members),
        "members": [member(bot, guild)],
        "channels": [channel_object(c) for c in guild.channels if c.kind != PUBLIC_THREAD],
        "threads": [channel_object(c) for c in guild.channels if c.kind == PUBLIC_THREAD],
    }
