"""all-MiniLM-L6-v2 in ONNX Runtime: one thread, no padding, little memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

from omega_core.errors import invalid
from omega_core.limits import DIMENSION
from omega_core.vectors import FloatArray
from omega_embed.recipe import MAX_TOKENS
from omega_embed.store import MODEL_FILE, TOKENIZER_FILE

BATCH_TOKENS = 128
"""Most tokens a batch: one core is busy by then, and larger batches only take more memory."""


class MiniLmEncoder:
    """Embeds by meaning (Reimers & Gurevych 2019, Sentence-BERT; Wang et al. 2020, MiniLM).

    Args:
        directory: a verified install.
        model_version: name of its recipe.
    """

    dimension = DIMENSION

    def __init__(self, directory: Path, model_version: str) -> None:
        self.model_version = model_version
        self._tokenizer = Tokenizer.from_file(str(directory / TOKENIZER_FILE))
        # The published tokenizer pads to 128 tokens, which costs a short text ten times its work.
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._session = ort.InferenceSession(
            str(directory / MODEL_FILE), _session_options(), providers=["CPUExecutionProvider"]
        )

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Embeds texts, in order; see Encoder.encode.

        Returns:
            (len(texts), 384) float32 unit rows.

        Raises:
            OmegaError: INVALID_FIELD when `texts` is one text instead of a sequence of texts.
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
        # Text by text: the library's own batches start threads.
        return [
            self._tokenizer.encode(text.encode("utf-8", "replace").decode("utf-8")).ids
            for text in texts
        ]

    def _run(self, tokens: list[list[int]]) -> FloatArray:
        rows: FloatArray = self._session.run(None, {"input_ids": np.array(tokens, np.int64)})[0]
        return rows


def _batches(lengths: list[int]) -> Iterator[list[int]]:
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    for length, group in groupby(order, key=lengths.__getitem__):
        members = list(group)
        size = max(1, BATCH_TOKENS // length)
        for start in range(0, len(members), size):
            yield members[start : start + size]


def _session_options() -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # The graph is written in its final operators: what was checked at install is what runs.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    # Both keep buffers for every shape ever seen.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    return options
