"""The Bot API's methods over a World: each takes decoded parameters, returns the result or raises Refusal."""

from collections.abc import Callable
from typing import Any

from fakes.telegram.checks import bad_request, check_entities, check_rich
from fakes.telegram.world import Chat, Json, World, shallow

Method = Callable[[World, Json], Any]

LARGEST_DOWNLOAD = 20 * 1024 * 1024


def get_me(world: World, _: Json) -> Json:
    return world.bot


def accept(_world: World, _parameters: Json) -> bool:
    return True


def get_chat(world: World, parameters: Json) -> Json:
    gifts = dict.fromkeys(
        (
            "unlimited_gifts",
            "limited_gifts",
            "unique_gifts",
            "premium_subscription",
            "gifts_from_channels",
        ),
        False,
    )
    about = world.find(parameters["chat_id"]).about
    return about | {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": gifts}


def get_chat_administrators(world: World, parameters: Json) -> list[Json]:
    chat = world.find(parameters["chat_id"])
    if chat.private:
        raise bad_request("there are no administrators in the private chat")
    return [{"status": "creator", "user": user, "is_anonymous": False} for user in chat.admins]


def get_file(world: World, parameters: Json) -> Json:
    file_id = parameters["file_id"]
    if file_id not in world.files:
        raise bad_request("wrong file_id or the file is temporarily unavailable")
    content = world.files[file_id]
    if len(content) > LARGEST_DOWNLOAD:
        raise bad_request("file is too big")
    about = {"file_id": file_id, "file_unique_id": f"unique {file_id}", "file_size": len(content)}
    return about | {"file_path": world.link(file_id)}


def send_message(world: World, parameters: Json) -> Json:
    check_text(parameters)
    content: Json = {key: parameters[key] for key in ("text", "entities") if key in parameters}
    return stand(world, parameters, content)


def send_rich_message(world: World, parameters: Json) -> Json:
    return stand(world, parameters, {"rich_message": rich(parameters["rich_message"])})


def send_document(world: World, parameters: Json) -> Json:
    name = parameters["document"]
    document = {"file_id": f"file {name}", "file_unique_id": f"unique {name}", "file_name": name}
    content = {"document": document}
    if "caption" in parameters:
        content["caption"] = parameters["caption"]
    return stand(world, parameters, content)


def send_message_draft(world: World, parameters: Json) -> bool:
    if parameters.get("text"):
        check_text(parameters)
    return draft(world, parameters)


def send_rich_message_draft(world: World, parameters: Json) -> bool:
    check_rich(parameters["rich_message"])
    return draft(world, parameters)


def send_chat_action(world: World, parameters: Json) -> bool:
    chat = world.find(parameters["chat_id"])
    thread_of(chat, parameters)
    if parameters["action"] not in {"typing", "upload_document"}:
        raise bad_request("wrong parameter action in request")
    chat.actions.append(parameters)
    return True


def edit_message_text(world: World, parameters: Json) -> Json:
    message = own_message(world, parameters)
    if "rich_message" in parameters:
        content: Json = {"rich_message": rich(parameters["rich_message"])}
    elif "text" in parameters:
        check_text(parameters)
        content = {key: parameters[key] for key in ("text", "entities") if key in parameters}
    else:
        raise bad_request("message text is empty")
    if "document" in message:
        raise bad_request("there is no text in the message to edit")
    if "reply_markup" in parameters:
        content["reply_markup"] = parameters["reply_markup"]
    fields = ("text", "entities", "rich_message", "reply_markup")
    if {key: message[key] for key in fields if key in message} == content:
        raise bad_request(
            "message is not modified: specified new message content and reply markup are exactly the same as "
            "a current content and reply markup of the message"
        )
    for key in fields:
        message.pop(key, None)
    message |= content | {"edit_date": world.now()}
    return message


def delete_message(world: World, parameters: Json) -> bool:
    chat = world.find(parameters["chat_id"])
    if parameters["message_id"] not in chat.messages:
        raise bad_request("message to delete not found")
    own_message(world, parameters)
    del chat.messages[parameters["message_id"]]
    return True


def check_text(parameters: Json) -> None:
    """Raise Refusal for a text that can't stand."""
    if not parameters["text"].strip():
        raise bad_request("message text is empty")
    check_entities(parameters["text"], parameters.get("entities", []))


def rich(message: Json) -> Json:
    """A rich message as it comes back: its words, in one paragraph."""
    return {"blocks": [{"type": "paragraph", "text": check_rich(message)}]}


def draft(world: World, parameters: Json) -> bool:
    """Keep a draft of a direct chat."""
    chat = world.find(parameters["chat_id"])
    if not chat.private:
        raise bad_request("drafts can be sent to private chats only")
    if parameters["draft_id"] == 0:
        raise bad_request("draft_id must be non-zero")
    thread_of(chat, parameters)
    chat.drafts.append(parameters)
    return True


def own_message(world: World, parameters: Json) -> Json:
    """The bot's own message that a request means; raises Refusal."""
    message = world.find(parameters.get("chat_id")).messages.get(parameters.get("message_id", 0))
    if message is None:
        raise bad_request("message to edit not found")
    if message["from"] != world.bot:
        raise bad_request("message can't be edited")
    return message


def thread_of(chat: Chat, parameters: Json) -> int | None:
    """The topic that a request names, if any; raises Refusal for one that isn't there."""
    thread: int | None = parameters.get("message_thread_id")
    if thread is not None and thread not in chat.topics:
        raise bad_request("message thread not found")
    return thread


def stand(world: World, parameters: Json, content: Json) -> Json:
    """Put a message of the bot's into its chat."""
    chat = world.find(parameters["chat_id"])
    thread = thread_of(chat, parameters)
    reply = parameters.get("reply_parameters")
    if reply is not None:
        target = chat.messages.get(reply["message_id"])
        if target is not None:
            content["reply_to_message"] = shallow(target)
        elif not reply.get("allow_sending_without_reply"):
            raise bad_request("message to be replied not found")
    if "reply_markup" in parameters:
        content["reply_markup"] = parameters["reply_markup"]
    return world.message(chat, world.bot, thread, **content)


METHODS: dict[str, Method] = {
    "answerCallbackQuery": accept,
    "deleteMessage": delete_message,
    "deleteWebhook": accept,
    "editMessageText": edit_message_text,
    "getChat": get_chat,
    "getChatAdministrators": get_chat_administrators,
    "getFile": get_file,
    "getMe": get_me,
    "sendChatAction": send_chat_action,
    "sendDocument": send_document,
    "sendMessage": send_message,
    "sendMessageDraft": send_message_draft,
    "sendRichMessage": send_rich_message,
    "sendRichMessageDraft": send_rich_message_draft,
    "setMyCommands": accept,
}
