"""Answering one question: with the chat model, or without one by quoting."""

import re
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from services.assistant import offline
from services.assistant.domain import Answer, Question, Usage
from services.assistant.model import Begun, Chat
from services.assistant.prompts import chat_messages
from services.errors import EmptyAnswer

_HANDLE = re.compile(r"[mM]\d{1,4}")
_MARK = rf"[\[【]{_HANDLE.pattern}(?:[,;] ?{_HANDLE.pattern})*[\]】]"
_CITATION = re.compile(rf"(?<![ \t])(?P<gap>[ \t]*){_MARK}(?:[ \t]*{_MARK})*(?P<after>[ \t]*)")
# Everything a citation may still grow from at the end of a text, and more: it is only held back.
_UNFINISHED = re.compile(r"(?<![ \t])(?:[ \t]*[\[【][mM0-9,; ]*[\]】])*[ \t]*(?:[\[【][mM0-9,; ]*)?\Z")


async def answer(chat: Chat | None, question: Question) -> AsyncGenerator[str | Answer, None]:
    """The reply so far, whole each time, then one Answer, last. Without a model only the Answer.

    Raises ModelUnavailable, of this EmptyAnswer, and ModelRefused.
    """
    if chat is None:
        text, cited = offline.reply(question)
        yield Answer(text, cited, Usage(0, 0), offline.NAME)
        return
    handles = [item.handle for item in question.recollection.recalled]
    citations, text, model = Citations(handles), "", chat.name
    usage = Usage(0, 0)
    async with aclosing(chat.stream(chat_messages(question))) as stream:
        async for piece in stream:
            if isinstance(piece, Usage):
                usage = piece
            elif isinstance(piece, Begun):
                citations, text, model = Citations(handles), "", piece.model
            elif more := citations.strip(piece):
                text += more
                yield text
    text = (text + citations.rest()).strip()
    if not text:
        raise EmptyAnswer(f"{chat.name}: the answer is empty")
    yield Answer(text, tuple(citations.cited), usage, model)


class Citations:
    """Takes marks like [m3, m7] or 【m3】 out of a text that comes in pieces, and keeps what they named.

    What looks like an index into something (`row[m3]`) is left alone unless it names known handles only.
    """

    def __init__(self, known: Iterable[str]) -> None:
        self.cited: dict[str, None] = {}
        self._known = frozenset(known)
        self._held = ""
        self._before = ""

    def strip(self, piece: str) -> str:
        """The text that is sure by now, without its marks."""
        text = self._held + piece
        unfinished = _UNFINISHED.search(text)
        sure = unfinished.start() if unfinished else len(text)
        self._held = text[sure:]
        return self._clean(text[:sure])

    def rest(self) -> str:
        """What was held back, once the text is at its end."""
        held, self._held = self._held, ""
        return self._clean(held)

    def _clean(self, text: str) -> str:
        before = self._before

        def replace(mark: re.Match[str]) -> str:
            handles = [handle.lower() for handle in _HANDLE.findall(mark[0])]
            previous = text[mark.start() - 1] if mark.start() else before
            is_index = not mark["gap"] and (previous.isalnum() or previous == "_")
            if is_index and not self._known.issuperset(handles):
                return mark[0]
            self.cited.update(dict.fromkeys(handle for handle in handles if handle in self._known))
            return "" if previous in ("", "\n") else mark["after"]

        self._before = text[-1:] or before
        return _CITATION.sub(replace, text)
