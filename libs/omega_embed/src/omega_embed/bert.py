"""BERT in plain numpy: the weights, and the float32 forward pass that conversions are held against.

Devlin et al. 2019, BERT; post-layer-norm, GELU by the error function (Hendrycks & Gimpel 2016).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from safetensors.numpy import load as load_safetensors

from omega_core.vectors import FloatArray, unit
from omega_embed.recipe import MAX_TOKENS

EPSILON = 1e-12
"""Added to the variance by every layer norm of BERT."""


@dataclass(frozen=True)
class Norm:
    """A layer norm."""

    gain: FloatArray
    """(width,)"""
    bias: FloatArray
    """(width,)"""


@dataclass(frozen=True)
class Dense:
    """A linear map, x @ matrix + bias."""

    matrix: FloatArray
    """(inputs, outputs)"""
    bias: FloatArray
    """(outputs,)"""


@dataclass(frozen=True)
class Layer:
    """One transformer layer."""

    attend: Dense
    """Queries, keys and values side by side: (width, 3 width)."""
    project: Dense
    """Attended values to the residual: (width, width)."""
    middle_norm: Norm
    """After attention."""
    expand: Dense
    """(width, inner)"""
    contract: Dense
    """(inner, width)"""
    final_norm: Norm
    """After the feed-forward part."""


@dataclass(frozen=True)
class Bert:
    """Weights of an encoder."""

    words: FloatArray
    """(vocabulary, width)"""
    positions: FloatArray
    """(256, width), the embedding of token type 0 added."""
    norm: Norm
    """Of the sum of both."""
    layers: tuple[Layer, ...]
    """From input to output."""
    heads: int
    """Attention heads a layer; divides the width."""


def read_bert(data: bytes, heads: int) -> Bert:
    """Reads weights from safetensors in the names of Hugging Face's BertModel.

    Raises:
        KeyError: a weight is missing.
        safetensors.SafetensorError: not safetensors.
    """
    tensors: Mapping[str, FloatArray] = load_safetensors(data)

    def norm(name: str) -> Norm:
        return Norm(tensors[f"{name}.LayerNorm.weight"], tensors[f"{name}.LayerNorm.bias"])

    def dense(*names: str) -> Dense:
        return Dense(
            np.concatenate([tensors[f"{n}.weight"] for n in names]).T,
            np.concatenate([tensors[f"{n}.bias"] for n in names]),
        )

    def layer(at: str) -> Layer:
        return Layer(
            attend=dense(*(f"{at}.attention.self.{n}" for n in ("query", "key", "value"))),
            project=dense(f"{at}.attention.output.dense"),
            middle_norm=norm(f"{at}.attention.output"),
            expand=dense(f"{at}.intermediate.dense"),
            contract=dense(f"{at}.output.dense"),
            final_norm=norm(f"{at}.output"),
        )

    depth = 1 + max(int(n.split(".")[2]) for n in tensors if n.startswith("encoder.layer."))
    types = tensors["embeddings.token_type_embeddings.weight"]
    return Bert(
        words=tensors["embeddings.word_embeddings.weight"],
        positions=tensors["embeddings.position_embeddings.weight"][:MAX_TOKENS] + types[0],
        norm=norm("embeddings"),
        layers=tuple(layer(f"encoder.layer.{i}") for i in range(depth)),
        heads=heads,
    )


def embed(bert: Bert, texts: Sequence[Sequence[int]]) -> FloatArray:
    """Unit sentence vectors (n, width) of n texts given as token ids, in float32 throughout.

    The texts go through the linear maps as one long matrix and attend each to itself alone, so
    nothing is padded.
    """
    ends = np.cumsum([len(ids) for ids in texts])
    places = np.concatenate([np.arange(len(ids)) for ids in texts])
    x = _norm(bert.norm, bert.words[np.concatenate(texts)] + bert.positions[places])
    for layer in bert.layers:
        heads = np.split(_dense(layer.attend, x), ends[:-1])
        attended = np.concatenate([_attention(bert.heads, text) for text in heads])
        x = _norm(layer.middle_norm, x + _dense(layer.project, attended))
        x = _norm(layer.final_norm, x + _dense(layer.contract, _gelu(_dense(layer.expand, x))))
    return unit(np.stack([text.mean(axis=0) for text in np.split(x, ends[:-1])]))


def _attention(count: int, attend: FloatArray) -> FloatArray:
    """Attended values (tokens, width) of one text's (tokens, 3 width), `count` heads."""
    tokens = len(attend)
    queries, keys, values = attend.reshape(tokens, 3, count, -1).transpose(1, 2, 0, 3)
    scores = queries @ keys.transpose(0, 2, 1) / np.float32(math.sqrt(queries.shape[-1]))
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    attended: FloatArray = (weights @ values).transpose(1, 0, 2).reshape(tokens, -1)
    return attended


def _dense(dense: Dense, x: FloatArray) -> FloatArray:
    return x @ dense.matrix + dense.bias


def _norm(norm: Norm, x: FloatArray) -> FloatArray:
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = np.square(centred).mean(axis=-1, keepdims=True)
    scaled: FloatArray = centred / np.sqrt(variance + np.float32(EPSILON)) * norm.gain + norm.bias
    return scaled


def _gelu(x: FloatArray) -> FloatArray:
    return x * np.float32(0.5) * (1 + _erf(x * np.float32(math.sqrt(0.5))))


def _erf(x: FloatArray) -> FloatArray:
    """The error function to 1.5e-7 (Abramowitz & Stegun 1964, 7.1.26); numpy has none."""
    magnitude = np.abs(x)
    t = 1 / (1 + np.float32(0.3275911) * magnitude)
    polynomial = np.zeros_like(t)
    for coefficient in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        polynomial = (polynomial + np.float32(coefficient)) * t
    return np.asarray(np.sign(x) * (1 - polynomial * np.exp(-np.square(magnitude))), np.float32)
