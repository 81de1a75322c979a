"""The transform codec: vectors of news at a few bits a coefficient; docs/codec.md is its norm."""

from omega_delta.transform.chain import STATE_BUDGET, code_state
from omega_delta.transform.codebook import Codebook
from omega_delta.transform.neighbourhoods import neighbourhoods
from omega_delta.transform.news import (
    News,
    decode_news,
    encode_news,
    pack_state,
    unpack_state,
)
from omega_delta.transform.state import CodedState, patterns_of
from omega_delta.transform.titles import NewTitles
from omega_delta.transform.train import train

__all__ = [
    "STATE_BUDGET",
    "Codebook",
    "CodedState",
    "NewTitles",
    "News",
    "code_state",
    "decode_news",
    "encode_news",
    "neighbourhoods",
    "pack_state",
    "patterns_of",
    "train",
    "unpack_state",
]
