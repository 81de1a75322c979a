"""all-MiniLM-L6-v2 in ONNX Runtime: one thread, no padding, little memory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray
from omega_embed.recipe import MAX_TOKENS
from omega_embed.store import MODEL_FILE, VOCABULARY_FILE, WORDS_FILE, damaged
from omega_embed.wordpiece import Vocabulary, WordPiece
from omega_embed.words import WordTable

BATCH_TOKENS = 128
"""Most tokens a batch: one core is busy by then, and larger batches only take more memory."""


class MiniLmEncoder:
    """Embeds by meaning (Reimers & Gurevych 2019, Sentence-BERT; Wang et al. 2020, MiniLM).

    Its files may be removed or replaced while it is open: it goes on with what it opened.

    Args:
        directory: a verified install.
        model_version: name of its recipe.

    Raises:
        OmegaError: MODEL_UNAVAILABLE when a file cannot be used, or ONNX Runtime not be loaded.
    """

    dimension = DIMENSION

    def __init__(self, directory: Path, model_version: str) -> None:
        self.model_version = model_version
        self._tokenizer = _tokenizer(directory / VOCABULARY_FILE)
        self._words = WordTable(directory / WORDS_FILE)
        self._session = _session(directory / MODEL_FILE)

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Embeds texts, in order; see Encoder.encode.

        Returns:
            (len(texts), 384) float32 unit rows.

        Raises:
            OmegaError: INVALID_FIELD when `texts` is one text instead of a sequence of texts;
                MODEL_UNAVAILABLE when the model fails.
        """
        tokens = self.tokenise(texts)
        if len(tokens) == 1:
            return self._run(tokens)
        rows: FloatArray = np.empty((len(tokens), DIMENSION), np.float32)
        for batch in _batches([len(ids) for ids in tokens]):
            rows[batch] = self._run([tokens[i] for i in batch])
        return rows

    def tokenise(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, special tokens included: 2 to 256 a text."""
        if isinstance(texts, str):
            raise invalid("texts", "a sequence of texts")
        return [
            self._tokenizer.encode(text.encode("utf-8", "replace").decode("utf-8"))
            for text in texts
        ]

    def _run(self, tokens: list[list[int]]) -> FloatArray:
        words = self._words.rows(tokens)
        try:
            rows: FloatArray = self._session.run(None, {"words": words})[0]
        except Exception as e:  # ONNX Runtime's errors have no base of their own
            raise _failed(repr(e)) from e
        return rows


def _batches(lengths: list[int]) -> Iterator[list[int]]:
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    for length, group in groupby(order, key=lengths.__getitem__):
        members = list(group)
        size = max(1, BATCH_TOKENS // length)
        for start in range(0, len(members), size):
            yield members[start : start + size]


def _tokenizer(path: Path) -> WordPiece:
    try:
        return WordPiece(Vocabulary(path.read_text(encoding="utf-8")), MAX_TOKENS)
    except (OSError, ValueError, OverflowError) as e:
        raise damaged(f"{path}: {e!r}") from e


def _session(path: Path) -> Any:
    ort = _runtime()
    try:
        return ort.InferenceSession(
            str(path), _session_options(ort), providers=["CPUExecutionProvider"]
        )
    except Exception as e:  # ONNX Runtime's errors have no base of their own
        raise damaged(f"{path}: {e!r}") from e


def _runtime() -> ModuleType:
    # Its builds for Linux send events of their own to their maker, under an id that they keep in
    # the user's cache, unless this says otherwise before they are loaded.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        import onnxruntime  # noqa: PLC0415 - its absence is an error of the catalogue
    except (ImportError, OSError) as e:
        raise OmegaError(
            ErrorCode.MODEL_UNAVAILABLE, bound="of no use without ONNX Runtime", detail=repr(e)
        ) from e
    module: ModuleType = onnxruntime
    return module


def _session_options(ort: ModuleType) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # The graph is written in its final operators: what was checked at install is what runs.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    # Both keep buffers for every shape ever seen.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = 4
    return options


def _failed(detail: str) -> OmegaError:
    return OmegaError(ErrorCode.MODEL_UNAVAILABLE, bound="failing", detail=detail)
