"""The end of a chapter and several beginnings of the next: which is the true one?

The texts are those of ChapterBreak (Sun, Thai and Iyyer, 2022), from a file that the user has; none comes
with us.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from services.benchmark.definition import Arguments, Dataset, Definition, Exchange, Said, Score
from services.benchmark.grading import final, graded, words
from services.benchmark.grading import number as read_number
from services.benchmark.scripts import in_order, needs, one_of, spread, told, whole
from services.errors import SettingsError

INTRODUCTION = (
    "I will read you the last pages of a chapter, and then some beginnings that the next one might have."
)
PAGE = "Page {page} of {pages}:\n\n{text}"
OPTION = "Beginning number {option}:\n\n{text}"
QUESTION = "Which of these beginnings is the true one? Reply with its number and nothing else."
SPLITS = ("ao3", "pg19", "all")
ARGUMENTS: Arguments = {"file": "", "split": "ao3", "page_tokens": 1024}


class _Sample(BaseModel):
    model_config = ConfigDict(frozen=True)

    ctx: str
    pos: str
    negs: Annotated[list[str], Field(min_length=1, max_length=8)]


_FILE = TypeAdapter(dict[str, dict[str, list[_Sample]]])


def generate(random: Random, number: int, arguments: Arguments) -> Definition:
    """A sample of `file`, of its part `split`, in pages of at most `page_tokens` tokens.

    The file is ChapterBreak's chapterbreak_ctx_8192.json, or another of its form.
    """
    split = one_of(arguments, ARGUMENTS, "split", SPLITS)
    page_tokens = whole(arguments, ARGUMENTS, "page_tokens", 64, 100_000)
    samples = _samples(str(arguments.get("file", "")), split)
    sample = random.choice(samples)
    options = [sample.pos, *sample.negs]
    random.shuffle(options)
    pages = _pages(sample.ctx, 4 * page_tokens)
    statements = [
        Said(INTRODUCTION),
        *(Said(PAGE.format(page=page, pages=len(pages), text=text)) for page, text in enumerate(pages, 1)),
        *(Said(OPTION.format(option=option, text=text)) for option, text in enumerate(options, 1)),
    ]
    return define(number, spread(statements, [Said(QUESTION, True)]), [str(options.index(sample.pos) + 1)])


def _samples(file: str, split: str) -> list[_Sample]:
    needs(
        bool(file),
        "file",
        "name a file of ChapterBreak, such as chapterbreak_ctx_8192.json; none comes with us",
    )
    try:
        read = _FILE.validate_json(Path(file).read_bytes())
    except OSError as error:
        raise SettingsError(f"file: {file} can't be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise SettingsError(f"file: {file} is not of ChapterBreak's form: {where}: {first['msg']}") from None
    books = [
        book for part, books in sorted(read.items()) if split in (part, "all") for book in books.values()
    ]
    samples = [sample for book in books for sample in book]
    needs(bool(samples), "split", f"{file} has nothing in {split}")
    return samples


def _pages(text: str, size: int) -> list[str]:
    """The text cut between sentences, in pages of at most so many bytes, a longer sentence by itself."""
    pages = [""]
    for sentence in re.split(r"(?<=[.!?]) ", text):
        page = f"{pages[-1]} {sentence}".strip()
        if pages[-1] and len(page.encode()) > size:
            pages.append(sentence)
        else:
            pages[-1] = page
    return pages


def define(number: int, script: tuple[Said, ...], expected: Sequence[object]) -> Definition:
    """`expected`: the number of the true beginning. All that is read is needed."""
    match expected:
        case [str(option)] if option.strip().isdecimal():
            pass
        case _:
            raise SettingsError("expected_responses: must hold the number of an option")
    needs(bool(told(script)) and len(told(script)) < len(script), "script", "must hold a text and a question")
    places = tuple(told(script)[1:])
    return Definition("chapterbreak", number, script, (option.strip(),), (places,), ((),))


def score(definition: Definition, exchanges: Sequence[Exchange], run: Sequence[Exchange]) -> Score:
    """One point if the only number in the reply is the right one.

    In digits; as a word only where the reply has three words at most ("number two"). Where a reply has
    "Answer:", what follows counts.
    """
    ((reply, expected),) = graded(definition, exchanges)
    given = words(final(reply))
    numbers = {word for word in given if word.isdecimal()}
    if not numbers and len(given) <= 3:
        numbers = {f"{read:g}" for word in given if (read := read_number(word)) is not None}
    return Score(float(numbers == {expected}), 1, (f"expected {expected}, said {reply[:100]!r}",))


DATASET = Dataset(
    "chapterbreak",
    "the end of a chapter from a file of yours; asked for the true beginning of the next",
    ARGUMENTS,
    generate,
    define,
    in_order,
    score,
    reset="Forget that chapter and the beginnings that the next one might have.",
)
