"""A Telegram of ours on loopback: the Bot API over aiohttp, refusing what the real one would refuse."""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web

from fakes.telegram.checks import Refusal, bad_request, check_request, check_value
from fakes.telegram.faults import Broken, Cut, Fault, Hang, Torn
from fakes.telegram.methods import METHODS
from fakes.telegram.world import Chat, Json, World, captioned, shallow, written

WAIT_SECONDS = 20
BOT: Json = {"id": 7000, "is_bot": True, "first_name": "Remi", "username": "remi_bot"}
TOKEN = "7000:a-token-for-tests"
RESULTS = {
    "deleteMessage": "Boolean",
    "editMessageText": "Message",
    "getChat": "ChatFullInfo",
    "getChatAdministrators": "Array of ChatMember",
    "getFile": "File",
    "getMe": "User",
    "sendDocument": "Message",
    "sendMessage": "Message",
    "sendRichMessage": "Message",
}
# What the download of a file is called among the requests and faults; it is no method.
DOWNLOAD = "download"
UNASKED = {"message_reaction", "message_reaction_count", "chat_member"}


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came: the method, its decoded parameters, uploaded contents by parameter name."""

    method: str
    parameters: Json
    files: dict[str, bytes]


class FakeTelegram:
    """`async with FakeTelegram() as telegram:` serves on a free port until the block is left."""

    def __init__(self) -> None:
        self.token = TOKEN
        self.base = ""
        self.world = World(BOT)
        self.requests: list[Request] = []
        # The lowest id that getUpdates still returns: everything below is confirmed.
        self.confirmed_below = 0
        self._updates: list[Json] = []
        self._next_update = 500_000_000
        self._allowed: list[str] = []
        self._queries: dict[str, bool] = {}
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._changed = asyncio.Event()
        self._polls = 0
        # Where updates are posted and what with; None where the bot asks for them. And how that was answered.
        self._webhook: tuple[str, str] | None = None
        self.answers: list[int] = []
        self._posting: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=50 * 1024 * 1024)
        app.router.add_post("/bot{token}/{method}", self._serve)
        app.router.add_get("/file/bot{token}/{path:.+}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.base = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._posting = asyncio.create_task(self._post())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        if self._posting is not None:
            self._posting.cancel()
            await asyncio.wait([self._posting])
        if self._runner is not None:
            await self._runner.cleanup()

    # What people do.

    def says(
        self,
        user: Json,
        text: str,
        *,
        chat: Chat | None = None,
        thread: int | None = None,
        reply_to: Json | None = None,
    ) -> Json:
        """Somebody types a message: in a chat, or to the bot directly. Returns it as the bot sees it."""
        return self.sends(user, chat=chat, thread=thread, reply_to=reply_to, **written(text))

    def sends(
        self,
        user: Json,
        *,
        chat: Chat | None = None,
        thread: int | None = None,
        reply_to: Json | None = None,
        **content: Any,
    ) -> Json:
        """Somebody sends anything else: `content` is the fields that the message has besides."""
        if reply_to is not None:
            content["reply_to_message"] = shallow(reply_to)
        message = self.world.message(self._chat(user, chat), user, thread, **content)
        self.update("message", dict(message))
        return message

    def hands_over(
        self,
        user: Json,
        name: str,
        content: bytes,
        caption: str = "",
        *,
        chat: Chat | None = None,
        thread: int | None = None,
        reply_to: Json | None = None,
        **more: Any,
    ) -> Json:
        """Somebody sends a file as a document, with or without a caption."""
        more |= captioned(caption) if caption else {}
        document = self.world.document(name, content)
        return self.sends(user, chat=chat, thread=thread, reply_to=reply_to, document=document, **more)

    def becomes_supergroup(self, user: Json, chat: Chat) -> Chat:
        """A group gets another id; a notice in each of the two chats says so."""
        supergroup = self.world.group(chat.about["title"], admins=tuple(chat.admins))
        self.sends(user, chat=chat, migrate_to_chat_id=supergroup.chat_id)
        self.sends(user, chat=supergroup, migrate_from_chat_id=chat.chat_id)
        chat.moved_to = supergroup.chat_id
        return supergroup

    def edits(self, message: Json, text: str) -> None:
        """The author rewrites a message."""
        for key in ("text", "entities", "caption", "caption_entities"):
            message.pop(key, None)
        message |= {**written(text), "edit_date": self.world.now()}
        self.update("edited_message", dict(message))

    def presses(self, user: Json, message: Json, label: str) -> str:
        """Somebody presses a button under a message; returns the id of the query."""
        keyboard = message["reply_markup"]["inline_keyboard"]
        data = next(button["callback_data"] for row in keyboard for button in row if button["text"] == label)
        query_id = str(9_000_000 + len(self._queries))
        self._queries[query_id] = False
        query = {"id": query_id, "from": user, "message": message, "chat_instance": "1", "data": data}
        self.update("callback_query", query)
        return query_id

    def reacts(self, user: Json, message: Json, *, old: str = "", new: str = "") -> None:
        """Somebody changes their reaction to a message."""
        reactions = {
            name: [{"type": "emoji", "emoji": emoji} for emoji in emojis]
            for name, emojis in (("old_reaction", old), ("new_reaction", new))
        }
        about = {"chat": message["chat"], "message_id": message["message_id"], "date": self.world.now()}
        self.update("message_reaction", {**about, "user": user, **reactions})

    def stops_draft(self, user: Json) -> None:
        """Somebody presses Stop under the draft in their direct chat."""
        chat = self.world.chats[user["id"]]
        stopped = {"chat": chat.about, "draft_id": chat.drafts[-1]["draft_id"]}
        if "message_thread_id" in chat.drafts[-1]:
            stopped["message_thread_id"] = chat.drafts[-1]["message_thread_id"]
        self.update("stopped_message_generation", stopped)

    def update(self, kind: str, content: Json) -> None:
        """Put an update into the bot's queue, after checking it."""
        check_value("update", {"update_id": self._next_update, kind: content}, ["Update"])
        if kind in self._allowed or (not self._allowed and kind not in UNASKED):
            self._queue(kind, content)

    def update_from_the_future(self) -> None:
        """An update of a form that no client library knows yet."""
        self._queue("message", {"message_id": "seven", "date": "tomorrow"})

    def redeliver(self) -> None:
        """Send every update so far once more, under new ids."""
        for update in list(self._updates):
            (kind,) = update.keys() - {"update_id"}
            self.update(kind, update[kind])

    def forget_confirmations(self) -> None:
        """Whoever asks without an offset gets everything again."""
        self.confirmed_below = 0
        self._wake()

    # What the bot did.

    async def sent(self, chat: Chat | Json, n: int = 1) -> list[Json]:
        """The bot's messages in a chat (or a person's direct chat), as soon as there are n."""
        await self.until(lambda: len(self.standing(chat)) >= n)
        return self.standing(chat)

    def standing(self, chat: Chat | Json) -> list[Json]:
        """The bot's messages that stand in a chat now, oldest first."""
        where = chat if isinstance(chat, Chat) else self.world.chats[chat["id"]]
        return [message for message in where.messages.values() if message["from"] == BOT]

    def calls(self, method: str) -> list[Request]:
        """The requests for one method, or all downloads, oldest first."""
        return [request for request in self.requests if request.method == method]

    def answered(self, query_id: str) -> bool:
        """Whether the press of a button was answered."""
        return self._queries[query_id]

    def all_confirmed(self) -> bool:
        """Whether no update waits any more."""
        return not self._updates or self.confirmed_below > self._updates[-1]["update_id"]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for it to come true; TimeoutError after 20 seconds."""
        async with asyncio.timeout(WAIT_SECONDS):
            await self._until(condition)

    def fail(self, method: str, *faults: Fault) -> None:
        """The next requests for a method, or downloads, meet these faults, one each."""
        self._faults[method].extend(faults)

    # The server.

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        try:
            if request.match_info["token"] != self.token:
                raise Refusal(401, "Unauthorized")
            return await self._meet_fault(request, await _read(request))
        except Refusal as refusal:
            return web.json_response(refusal.body(), status=refusal.code)

    async def _meet_fault(self, request: web.Request, call: Request) -> web.StreamResponse:
        self.requests.append(call)
        self._wake()
        faults = self._faults[call.method]
        fault = faults.popleft() if faults else None
        match fault:
            case Refusal():
                raise fault
            case Broken(status):
                return web.Response(status=status, text="<html>Bad Gateway</html>", content_type="text/html")
            case Hang(until):
                await until.wait()
            case Cut(served):
                if served:
                    await self._body(call)
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            case Torn():
                body = await self._body(call)
                answer = web.StreamResponse(headers={"Content-Length": str(len(body))})
                await answer.prepare(request)
                await answer.write(body[: len(body) // 2])
                assert request.transport is not None
                request.transport.close()
                return answer
        kind = "application/octet-stream" if call.method == DOWNLOAD else "application/json"
        return web.Response(body=await self._body(call), content_type=kind)

    async def _body(self, call: Request) -> bytes:
        if call.method == DOWNLOAD:
            return self._linked(call.parameters["file_path"])
        return json.dumps({"ok": True, "result": await self._result(call)}).encode()

    def _linked(self, path: str) -> bytes:
        if path not in self.world.links:
            raise Refusal(404, "Not Found")
        return self.world.links[path]

    async def _result(self, call: Request) -> Any:
        if call.method == "getUpdates":
            result: Any = await self._get_updates(**call.parameters)
        elif call.method == "setWebhook":
            result = self._set_webhook(**call.parameters)
        else:
            if call.method == "deleteWebhook":
                self._webhook = None
            if call.method == "answerCallbackQuery":
                self._answer(call.parameters["callback_query_id"])
            result = METHODS[call.method](self.world, call.parameters)
        if call.method in RESULTS:
            check_value("result", result, [RESULTS[call.method]])
        self._wake()
        return result

    def _set_webhook(self, url: str, secret_token: str, allowed_updates: list[str]) -> bool:
        self._allowed = allowed_updates
        self._webhook = (url, secret_token)
        return True

    async def _post(self) -> None:
        """Post what waits, one update after the other; again whatever isn't answered with 200."""
        async with aiohttp.ClientSession() as session:
            while True:
                await self._until(lambda: self._webhook is not None and bool(self._waiting()))
                assert self._webhook is not None
                (url, secret), update = self._webhook, self._waiting()[0]
                headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
                try:
                    async with session.post(url, json=update, headers=headers) as answer:
                        self.answers.append(answer.status)
                except aiohttp.ClientError:
                    self.answers.append(0)
                if self.answers[-1] == 200:
                    self.confirmed_below = update["update_id"] + 1
                else:
                    await asyncio.sleep(0.02)
                self._wake()

    async def _get_updates(
        self,
        offset: int = 0,
        limit: int = 100,
        timeout: int = 0,  # noqa: ASYNC109
        allowed_updates: list[str] | None = None,
    ) -> list[Json]:
        if allowed_updates is not None:
            self._allowed = allowed_updates
        if self._webhook is not None:
            raise Refusal(409, "Conflict: can't use getUpdates method while webhook is active")
        self.confirmed_below = max(self.confirmed_below, offset)
        self._polls += 1
        mine = self._polls
        self._wake()
        try:
            async with asyncio.timeout(timeout):
                await self._until(lambda: self._polls != mine or bool(self._waiting()))
        except TimeoutError:
            return []
        if self._polls != mine:
            raise Refusal(409, "Conflict: terminated by other getUpdates request")
        return self._waiting()[:limit]

    def _queue(self, kind: str, content: Json) -> None:
        self._updates.append({"update_id": self._next_update, kind: content})
        self._next_update += 1
        self._wake()

    def _waiting(self) -> list[Json]:
        return [update for update in self._updates if update["update_id"] >= self.confirmed_below]

    def _answer(self, query_id: str) -> None:
        if self._queries.get(query_id, True):
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        self._queries[query_id] = True

    def _chat(self, user: Json, chat: Chat | None) -> Chat:
        return chat or self.world.chats[user["id"]]

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


async def _read(request: web.Request) -> Request:
    """The request with its parameters checked; raises Refusal."""
    if "path" in request.match_info:
        return Request(DOWNLOAD, {"file_path": request.match_info["path"]}, {})
    method = request.match_info["method"]
    form: dict[str, str] = {}
    files: dict[str, bytes] = {}
    names: dict[str, str] = {}
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            files[name] = value.file.read()
            names[name] = value.filename
        else:
            form[name] = str(value)
    parameters = check_request(method, form, set(files))
    attached = {
        key: value.removeprefix("attach://")
        for key, value in parameters.items()
        if isinstance(value, str) and value.startswith("attach://")
    }
    contents = {key: files[part] for key, part in attached.items()}
    return Request(method, {**parameters, **{key: names[part] for key, part in attached.items()}}, contents)
