"""The adapters to an endpoint: the real openai client against a fake server on loopback."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from openai import AsyncOpenAI

from fakes.openai import FakeOpenAI, Step, ToolCall, embedding
from services.assistant.adapters import log_usage, open_models
from services.assistant.domain import Usage
from services.assistant.endpoint import (
    EndpointChat,
    EndpointTranscriber,
    connect,
)
from services.assistant.endpoint_embedder import EndpointEmbedder
from services.assistant.minilm import MiniLM
from services.assistant.model import ChatMessage, JsonSchema, Patience
from services.errors import ContextTooLong, ModelMisconfigured, ModelRefused, ModelUnavailable, SettingsError

HELLO = (ChatMessage("system", "Be brief."), ChatMessage("user", "Hello?"))
HELLO_BYTES = len("Be brief.Hello?")
FACTS = JsonSchema(
    "facts",
    {
        "type": "object",
        "properties": {"facts": {"type": "array", "items": {"type": "string"}}},
        "required": ["facts"],
        "additionalProperties": False,
    },
)
QUICK = Patience(connect=1, first_token=0.2, between_tokens=0.2, whole=5, embedding=0.2)


@dataclass
class Metered:
    """A meter that remembers."""

    calls: list[tuple[str, Usage]] = field(default_factory=list)

    def __call__(self, model: str, usage: Usage) -> None:
        self.calls.append((model, usage))


@pytest.fixture
async def client(fake: FakeOpenAI) -> AsyncIterator[AsyncOpenAI]:
    async with connect(fake.base_url, fake.api_key) as connected:
        yield connected


@pytest.fixture
def meter() -> Metered:
    return Metered()


@pytest.fixture
def chat(client: AsyncOpenAI, meter: Metered) -> EndpointChat:
    return EndpointChat(client, "talker", meter)


@pytest.fixture
def embedder(client: AsyncOpenAI, meter: Metered) -> EndpointEmbedder:
    return EndpointEmbedder(client, "vectors", meter)


async def gather(chat: EndpointChat) -> tuple[list[str], Usage]:
    """All that one stream yields: the pieces of text and, last, the usage."""
    async with aclosing(chat.stream(HELLO)) as stream:
        items = [item async for item in stream]
    *pieces, usage = items
    assert isinstance(usage, Usage)
    assert all(isinstance(piece, str) and piece for piece in pieces)
    return [str(piece) for piece in pieces], usage


@contextmanager
def unavailable(words: str) -> Iterator[None]:
    with pytest.raises(ModelUnavailable, match=words):
        yield


class TestStream:
    async def test_yields_pieces_then_the_endpoints_own_usage(
        self, fake: FakeOpenAI, chat: EndpointChat, meter: Metered
    ) -> None:
        fake.script(Step(text="Hello, Ann!", pieces=3))
        pieces, usage = await gather(chat)
        assert len(pieces) == 3
        assert "".join(pieces) == "Hello, Ann!"
        assert usage == Usage(prompt_tokens=5, completion_tokens=4)
        assert meter.calls == [("talker", usage)]
        (body,) = fake.bodies()
        assert body["messages"] == [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello?"},
        ]

    async def test_estimates_the_usage_that_nobody_tells(
        self, fake: FakeOpenAI, chat: EndpointChat, meter: Metered
    ) -> None:
        fake.script(Step(text="Grüße", usage=False))
        _, usage = await gather(chat)
        assert usage == Usage(-(-HELLO_BYTES // 4), 2)
        assert meter.calls == [("talker", usage)]

    async def test_leaves_out_tool_calls(self, fake: FakeOpenAI, chat: EndpointChat) -> None:
        fake.script(Step(tool_calls=(ToolCall("look_up", "{}"),)))
        with unavailable("the answer is empty"):
            await gather(chat)

    async def test_does_without_stream_options(self, fake: FakeOpenAI, chat: EndpointChat) -> None:
        fake.stream_options = False
        for _ in range(2):
            pieces, _ = await gather(chat)
            assert "".join(pieces) == "Noted."
        assert ["stream_options" in body for body in fake.bodies()] == [True, False, False]

    async def test_does_without_streaming(self, fake: FakeOpenAI, chat: EndpointChat) -> None:
        fake.streams = "refused"
        for _ in range(2):
            pieces, usage = await gather(chat)
            assert pieces == ["Noted."]
            assert usage == Usage(5, 2)
        assert ["stream" in body for body in fake.bodies()] == [True, False, False]

    async def test_takes_a_whole_answer_in_the_place_of_a_stream(
        self, fake: FakeOpenAI, chat: EndpointChat
    ) -> None:
        fake.streams = "ignored"
        for _ in range(2):
            assert await gather(chat) == (["Noted."], Usage(5, 2))
        assert ["stream" in body for body in fake.bodies()] == [True, False]

    @pytest.mark.parametrize("status", [408, 429, 500, 503])
    async def test_is_unavailable_at_once_and_tells_how_long_to_wait(
        self, fake: FakeOpenAI, chat: EndpointChat, meter: Metered, status: int
    ) -> None:
        fake.script(Step(status=status, retry_after=0.25, code="overloaded"))
        with pytest.raises(ModelUnavailable, match=f"talker: HTTP {status}, overloaded") as caught:
            await gather(chat)
        assert caught.value.retry_after == 0.25
        assert caught.value.is_passing
        assert len(fake.requests) == 1
        assert meter.calls == []

    async def test_reads_parts_and_leaves_thoughts_out(self, fake: FakeOpenAI, chat: EndpointChat) -> None:
        fake.script(Step(text="Hello, Ann!", in_parts=True))
        assert "".join((await gather(chat))[0]) == "Hello, Ann!"
        fake.script(Step(text="<think>Who is it?</think>\n\nHello,\0 Ann!", pieces=9))
        assert "".join((await gather(chat))[0]) == "Hello, Ann!"

    async def test_puts_a_pair_together_that_comes_in_two_pieces(
        self, fake: FakeOpenAI, chat: EndpointChat
    ) -> None:
        fake.script(Step(text="ab\ud83d\ude00c\ud83d", pieces=5))
        assert "".join((await gather(chat))[0]) == "ab😀c\ufffd"

    @pytest.mark.parametrize("streams", ["yes", "ignored"])
    @pytest.mark.parametrize(
        ("step", "error"),
        [
            (Step(text="", finish="content_filter"), ModelRefused),
            (Step(refusal="I won't."), ModelRefused),
            (Step(text="<think>So many thoughts", finish="length"), ContextTooLong),
        ],
    )
    async def test_no_text_for_a_reason_is_a_refusal(
        self,
        fake: FakeOpenAI,
        chat: EndpointChat,
        step: Step,
        error: type[ModelRefused],
        streams: Literal["yes", "ignored"],
    ) -> None:
        fake.reply, fake.streams = step, streams
        with pytest.raises(error):
            await gather(chat)
        with pytest.raises(error):
            await chat.complete(HELLO)

    @pytest.mark.parametrize(
        "step",
        [
            Step(status=400, message="Upstream error from provider"),
            Step(raw='{"error": {"message": "rate limited", "code": 429}}', raw_type="application/json"),
        ],
    )
    async def test_goes_on_streaming_after_a_failure_of_another_kind(
        self, fake: FakeOpenAI, chat: EndpointChat, step: Step
    ) -> None:
        fake.script(step)
        with pytest.raises((ModelRefused, ModelUnavailable)):
            await gather(chat)
        await gather(chat)
        assert [body["stream"] for body in fake.bodies()] == [True, True]

    @pytest.mark.parametrize("status", [401, 402, 403, 404])
    async def test_waits_for_the_operator_where_key_or_name_are_refused(
        self, fake: FakeOpenAI, chat: EndpointChat, status: int
    ) -> None:
        fake.script(Step(status=status))
        with pytest.raises(ModelMisconfigured, match=f"HTTP {status}"):
            await gather(chat)
        assert len(fake.requests) == 1

    @pytest.mark.parametrize("status", [400, 405, 422])
    async def test_is_refused_for_good(self, fake: FakeOpenAI, chat: EndpointChat, status: int) -> None:
        fake.script(Step(status=status, message="you said: my secret", code="my secret"))
        with pytest.raises(ModelRefused, match=f"HTTP {status}") as raised:
            await gather(chat)
        assert "secret" not in str(raised.value)
        assert len(fake.requests) == 1

    @pytest.mark.parametrize(
        "step",
        [
            Step(status=400, code="context_length_exceeded"),
            Step(status=400, message="the request exceeds the available context size", code=400),
            Step(status=413),
            Step(status=500, message="input length exceeds maximum context length"),
            Step(
                status=400, message="The input token count (9) exceeds the maximum number of tokens allowed"
            ),
            Step(status=400, message="This model's maximum prompt length is 131072"),
            Step(status=422, message="`inputs` must have less than 4096 tokens. Given: 5000"),
            Step(error_after=0, code="context_length_exceeded"),
        ],
    )
    async def test_tells_a_call_that_is_too_long(
        self, fake: FakeOpenAI, chat: EndpointChat, step: Step
    ) -> None:
        fake.script(step)
        with pytest.raises(ContextTooLong, match="talker: the call is longer"):
            await gather(chat)

    async def test_too_many_tokens_at_once_may_pass(self, fake: FakeOpenAI, chat: EndpointChat) -> None:
        fake.script(Step(status=429, message="too many tokens this minute"))
        with unavailable("HTTP 429"):
            await gather(chat)

    async def test_is_unavailable_where_nobody_listens(
        self, fake: FakeOpenAI, chat: EndpointChat, meter: Metered
    ) -> None:
        await fake.__aexit__()
        with unavailable("talker: APIConnectionError"):
            await gather(chat)
        assert meter.calls == []

    @pytest.mark.parametrize(
        "fault",
        [
            Step(text="one two three", cut_after=2),
            Step(text="one two three", error_after=2),
            Step(text="one two three", finish=""),
        ],
        ids=["cut", "error in the stream", "no finish reason"],
    )
    async def test_a_stream_that_breaks_off_has_failed_and_is_metered(
        self, fake: FakeOpenAI, chat: EndpointChat, meter: Metered, fault: Step
    ) -> None:
        fake.script(fault)
        seen = ""
        with unavailable("talker"):
            async with aclosing(chat.stream(HELLO)) as stream:
                async for item in stream:
                    seen += str(item)
        assert seen.startswith("one")
        assert len(meter.calls) == 1
        assert meter.calls[0][1].completion_tokens > 0

    @pytest.mark.parametrize(
        ("hang_after", "patience"),
        [
            # Long enough for the call to have come to the endpoint.
            pytest.param(0, replace(QUICK, first_token=1), id="before the first token"),
            pytest.param(2, replace(QUICK, first_token=5), id="between tokens"),
        ],
    )
    async def test_gives_up_on_silence(
        self, fake: FakeOpenAI, client: AsyncOpenAI, meter: Metered, hang_after: int, patience: Patience
    ) -> None:
        fake.script(Step(text="one two three", hang_after=hang_after))
        with unavailable("talker: TimeoutError"):
            await gather(EndpointChat(client, "talker", meter, patience))
        await asyncio.wait_for(fake.hung_up.wait(), 5)

    async def test_cancelling_hangs_up_and_is_metered(
        self, fake: FakeOpenAI, chat: EndpointChat, meter: Metered
    ) -> None:
        fake.script(Step(text="one two three", hang_after=3))
        first = asyncio.Event()

        async def read() -> None:
            async with aclosing(chat.stream(HELLO)) as stream:
                async for _ in stream:
                    first.set()

        reader = asyncio.create_task(read())
        await asyncio.wait_for(first.wait(), 5)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        await asyncio.wait_for(fake.hung_up.wait(), 5)
        assert [usage.completion_tokens > 0 for _, usage in meter.calls] == [True]

    async def test_leaving_early_hangs_up(self, fake: FakeOpenAI, chat: EndpointChat, meter: Metered) -> None:
        fake.script(Step(text="one two three", hang_after=3))
        async with aclosing(chat.stream(HELLO)) as stream:
            await anext(stream)
        await asyncio.wait_for(fake.hung_up.wait(), 5)
        assert len(meter.calls) == 1

    async def test_is_unavailable_when_the_body_is_no_answer(
        self, fake: FakeOpenAI, chat: EndpointChat
    ) -> None:
        fake.reply = Step(raw="<html>Welcome to the proxy</html>")
        with unavailable("talker"):
            await gather(chat)
        fake.reply = Step(raw="data: {not json\n\n")
        with unavailable("talker"):
            await gather(chat)


class TestComplete:
    async def test_is_whole(self, fake: FakeOpenAI, chat: EndpointChat, meter: Metered) -> None:
        fake.script(Step(text="Hi."))
        completion = await chat.complete(HELLO)
        assert completion.text == "Hi."
        assert completion.usage == Usage(5, 2)
        assert meter.calls == [("talker", completion.usage)]
        assert "response_format" not in fake.bodies()[0]

    async def test_asks_for_the_schema(self, fake: FakeOpenAI, chat: EndpointChat) -> None:
        fake.script(Step(text='{"facts": []}'))
        assert (await chat.complete(HELLO, FACTS)).text == '{"facts": []}'
        wanted = fake.bodies()[0]["response_format"]["json_schema"]
        assert wanted == {"name": "facts", "schema": FACTS.schema, "strict": True}

    async def test_spells_the_schema_out_where_it_is_refused_and_remembers(
        self, fake: FakeOpenAI, chat: EndpointChat
    ) -> None:
        fake.json_schema = False
        fake.reply = Step(text='Sure!\n```json\n{"facts": ["a"]}\n```')
        for _ in range(2):
            assert (await chat.complete(HELLO, FACTS)).text == '{"facts": ["a"]}'
        assert ["response_format" in body for body in fake.bodies()] == [True, False, False]
        assert '"additionalProperties": false' in fake.bodies()[1]["messages"][-1]["content"]

    async def test_leaves_a_list_or_several_objects_whole(self, fake: FakeOpenAI, chat: EndpointChat) -> None:
        for answer in ('[{"facts": []}, {"facts": ["a"]}]', '{"facts": []}\n{"facts": ["a"]}'):
            fake.script(Step(text=f"Sure!\n```json\n{answer}\n```"))
            assert (await chat.complete(HELLO, FACTS)).text == answer

    async def test_a_request_that_is_wrong_anyway_says_nothing_about_schemas(
        self, fake: FakeOpenAI, chat: EndpointChat
    ) -> None:
        fake.script(Step(status=400), Step(status=400))
        with pytest.raises(ModelRefused):
            await chat.complete(HELLO, FACTS)
        await chat.complete(HELLO, FACTS)
        assert "response_format" in fake.bodies()[-1]

    async def test_what_is_too_long_is_not_asked_without_schema_at_greater_length(
        self, fake: FakeOpenAI, chat: EndpointChat
    ) -> None:
        fake.context = 1
        with pytest.raises(ContextTooLong):
            await chat.complete(HELLO, FACTS)
        assert len(fake.bodies()) == 1

    async def test_failing_endpoints_are_not_asked_without_schema(
        self, fake: FakeOpenAI, chat: EndpointChat
    ) -> None:
        fake.script(Step(status=503))
        with unavailable("HTTP 503"):
            await chat.complete(HELLO, FACTS)
        assert ["response_format" in body for body in fake.bodies()] == [True]

    async def test_gives_up_on_silence(self, fake: FakeOpenAI, client: AsyncOpenAI, meter: Metered) -> None:
        fake.script(Step(hang_after=0))
        chat = EndpointChat(client, "talker", meter, Patience(whole=0.2))
        with unavailable("talker: TimeoutError"):
            await chat.complete(HELLO)

    async def test_is_unavailable_when_the_body_is_no_answer(
        self, fake: FakeOpenAI, chat: EndpointChat
    ) -> None:
        fake.reply = Step(raw="<html>Welcome to the proxy</html>")
        with unavailable("talker"):
            await chat.complete(HELLO)


class TestEmbedder:
    async def test_asks_for_dimensions_that_fit_an_index(
        self, fake: FakeOpenAI, embedder: EndpointEmbedder, meter: Metered
    ) -> None:
        one, two = await embedder.embed(["my dog", "a cat"])
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, embedding("my dog", 1024), atol=1e-6)
        np.testing.assert_allclose(two, embedding("a cat", 1024), atol=1e-6)
        assert embedder.name == "vectors@1024"
        assert embedder.dimensions == 1024
        assert fake.bodies("/v1/embeddings")[0]["dimensions"] == 1024
        assert meter.calls == [("vectors", Usage(4, 0))]

    async def test_reads_lists_of_numbers_too(self, fake: FakeOpenAI, embedder: EndpointEmbedder) -> None:
        fake.base64 = False
        (vector,) = await embedder.embed(["my dog"])
        np.testing.assert_allclose(vector, embedding("my dog", 1024), atol=1e-6)

    async def test_takes_a_small_model_as_it_is(self, fake: FakeOpenAI, embedder: EndpointEmbedder) -> None:
        fake.takes_dimensions, fake.dimensions = False, 384
        for _ in range(2):
            (vector,) = await embedder.embed(["my dog"])
            assert vector.shape == (384,)
        assert embedder.name == "vectors@384"
        asked = ["dimensions" in body for body in fake.bodies("/v1/embeddings")]
        assert asked == [True, False, False]

    async def test_asks_for_dimensions_again_after_a_passing_refusal(
        self, fake: FakeOpenAI, embedder: EndpointEmbedder
    ) -> None:
        await embedder.embed(["my dog"])
        fake.embedding_faults.append(Step(status=404))
        with pytest.raises(ModelMisconfigured, match="HTTP 404"):
            await embedder.embed(["my dog"])
        await embedder.embed(["my dog"])
        assert embedder.name == "vectors@1024"

    async def test_refuses_a_model_whose_vectors_fit_no_index(
        self, fake: FakeOpenAI, embedder: EndpointEmbedder
    ) -> None:
        fake.takes_dimensions, fake.dimensions = False, 1536
        with pytest.raises(ModelRefused, match="vectors gives 1536 dimensions; at most 1024 fit"):
            await embedder.embed(["my dog"])

    async def test_refuses_a_model_that_was_exchanged(
        self, fake: FakeOpenAI, embedder: EndpointEmbedder
    ) -> None:
        fake.takes_dimensions, fake.dimensions = False, 384
        await embedder.embed(["my dog"])
        fake.dimensions = 768
        with pytest.raises(ModelRefused, match="768 dimensions now, 384 before"):
            await embedder.embed(["my dog"])

    async def test_sends_many_texts_in_bounded_batches(
        self, fake: FakeOpenAI, embedder: EndpointEmbedder
    ) -> None:
        texts = [f"word{number}" for number in range(70)]
        vectors = await embedder.embed(texts)
        assert [len(body["input"]) for body in fake.bodies("/v1/embeddings")] == [32, 32, 6]
        np.testing.assert_allclose(vectors[69], embedding("word69", 1024), atol=1e-6)

    async def test_no_text_is_too_short_or_too_long(
        self, fake: FakeOpenAI, embedder: EndpointEmbedder
    ) -> None:
        await embedder.embed([" ", "word " * 100_000, "字" * 100_000])
        blank, long, unspaced = fake.bodies("/v1/embeddings")[0]["input"]
        assert blank
        assert 1000 < len(long.encode()) <= 1536
        assert 1000 < len(unspaced.encode()) <= 1536

    async def test_knows_no_name_before_it_has_answered(
        self, fake: FakeOpenAI, embedder: EndpointEmbedder
    ) -> None:
        fake.embedding_faults.extend([Step(status=503, retry_after=0.01)] * 2)
        with unavailable("vectors: HTTP 503"):
            await embedder.embed(["my dog"])
        with unavailable("has not answered"):
            _ = embedder.name

    async def test_gives_up_on_silence(self, fake: FakeOpenAI, client: AsyncOpenAI, meter: Metered) -> None:
        fake.embedding_faults.append(Step(hang_after=0))
        with unavailable("vectors: TimeoutError"):
            await EndpointEmbedder(client, "vectors", meter, QUICK).embed(["my dog"])

    async def test_a_bad_key_is_refused(self, fake: FakeOpenAI, embedder: EndpointEmbedder) -> None:
        fake.api_key = "another"
        with pytest.raises(ModelMisconfigured, match="HTTP 401"):
            await embedder.embed(["my dog"])

    @pytest.mark.parametrize("damage", ["none", "zero"])
    async def test_damaged_vectors_are_no_vectors(
        self, fake: FakeOpenAI, embedder: EndpointEmbedder, damage: Literal["none", "zero"]
    ) -> None:
        fake.damage = damage
        with unavailable("vectors: ValueError"):
            await embedder.embed(["my dog"])


class TestTranscriber:
    async def test_sends_the_file(self, fake: FakeOpenAI, client: AsyncOpenAI, meter: Metered) -> None:
        fake.script(Step(text="Buy milk."))
        transcriber = EndpointTranscriber(client, "ears", meter)
        assert await transcriber.transcribe(b"OggS...", "voice.ogg") == "Buy milk."
        assert fake.bodies("/v1/audio/transcriptions")[0] == {"model": "ears", "file": b"OggS..."}
        assert meter.calls == [("ears", Usage(0, 3))]

    async def test_is_unavailable_with_the_endpoint(
        self, fake: FakeOpenAI, client: AsyncOpenAI, meter: Metered
    ) -> None:
        fake.script(*[Step(status=500, retry_after=0.01)] * 2)
        with unavailable("ears: HTTP 500"):
            await EndpointTranscriber(client, "ears", meter).transcribe(b"OggS...", "voice.ogg")


class TestOpenModels:
    async def test_without_an_endpoint_everything_is_offline(self, tmp_path: Path) -> None:
        async with open_models(tmp_path) as models:
            assert models.chat is None
            assert models.memory is None
            assert models.transcriber is None
            assert isinstance(models.embedder, MiniLM)

    async def test_an_endpoint_with_one_model_uses_it_for_talk_and_memory(
        self, fake: FakeOpenAI, tmp_path: Path
    ) -> None:
        async with open_models(
            tmp_path, base_url=fake.base_url, api_key=fake.api_key, chat="talker"
        ) as models:
            assert models.chat is models.memory
            assert models.transcriber is None
            assert isinstance(models.embedder, MiniLM)

    async def test_every_model_can_have_a_name(self, fake: FakeOpenAI, tmp_path: Path) -> None:
        meter = Metered()
        async with open_models(
            tmp_path,
            base_url=fake.base_url,
            api_key=fake.api_key,
            chat="talker",
            memory="learner",
            embedding="vectors",
            transcription="ears",
            meter=meter,
        ) as models:
            assert models.embedder.name == "vectors@1024"
            assert models.chat is not None
            assert models.memory is not None
            assert models.transcriber is not None
            assert models.chat.name == "talker"
            assert models.memory.name == "learner"
            await models.memory.complete(HELLO)
            await models.transcriber.transcribe(b"OggS...", "voice.ogg")
        assert [name for name, _ in meter.calls] == ["vectors", "learner", "ears"]

    async def test_an_endpoint_that_is_away_does_not_stop_the_start(
        self, fake: FakeOpenAI, tmp_path: Path
    ) -> None:
        fake.embedding_faults.extend([Step(status=503, retry_after=0.01)] * 2)
        async with open_models(
            tmp_path, base_url=fake.base_url, api_key=fake.api_key, chat="talker", embedding="vectors"
        ) as models:
            await models.embedder.embed(["my dog"])
            assert models.embedder.name == "vectors@1024"

    async def test_settings_that_can_never_work_stop_the_start(
        self, fake: FakeOpenAI, tmp_path: Path
    ) -> None:
        with pytest.raises(SettingsError, match="REMI_CHAT_MODEL"):
            async with open_models(tmp_path, base_url=fake.base_url):
                pass
        with pytest.raises(SettingsError, match="REMI_EMBEDDING_MODEL: vectors: HTTP 401"):
            async with open_models(
                tmp_path, base_url=fake.base_url, api_key="wrong", chat="talker", embedding="vectors"
            ):
                pass


def test_the_default_meter_logs_numbers_only(capsys: pytest.CaptureFixture[str]) -> None:
    log_usage("talker", Usage(12, 3))
    assert "12" in capsys.readouterr().out
