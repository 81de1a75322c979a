"""News that a gateway gives, read as a TV reads them: held to the bit by their checksum."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega_cli.contract.rows import Kept, Outcome, Row
from omega_cli.contract.sync_words import Words, pull
from omega_core.errors import OmegaError
from omega_delta import decode_state_delta
from omega_delta.transform import Codebook, CodedState, decode_news

_BY_COMPONENTS = (resource_pb2.CODEC_F16_ZSTD, resource_pb2.CODEC_U8_ZSTD)
_TRANSFORM = resource_pb2.CODEC_TRANSFORM
_BUDGET = 5_120
_DAY = 86_400
_BOOK = resource_pb2.RESOURCE_KIND_CODEBOOK


class Reader:
    """A TV that holds nothing at first, and then what came."""

    def __init__(self) -> None:
        self._book: Codebook | None = None
        self._state: CodedState | None = None

    def rows(self, words: Words) -> Iterator[Row]:
        """News in each form, and a step from there on."""
        for codec in resource_pb2.Codec.values()[1:]:
            case = f"news by {resource_pb2.Codec.Name(codec)}"
            yield Row("Sync", case, (words.exchange(codec=codec),), check=self.read)
            yield Row("PullPatterns", case, (pull(codec=codec),), check=self.read, keep="news")
        yield Row(
            "GetResource", "the codebook that is announced", (), made=_codebook, check=self.take
        )
        yield Row("PullPatterns", "news under that codebook", (), made=self._ask, check=self.read)
        yield Row("PullPatterns", "news from there on", (), made=self._ask, check=self.read)

    def take(self, found: Outcome) -> str:
        """Keeps the codebook of a body; says what is wrong with it."""
        chunks = [each.chunk for each in found.answers]
        body = b"".join(chunk.data for chunk in chunks)
        if hashlib.sha256(body).digest() != chunks[0].info.sha256:
            return "its SHA-256 is another"
        try:
            self._book = Codebook.decode(body)
        except OmegaError as error:
            return f"it cannot be read: {error}"
        return ""

    def read(self, found: Outcome) -> str:
        """What is wrong with an answer: its size, its wait, its news."""
        (answer,), (data,) = found.answers, found.raw
        wait = answer.retry_after.ToTimedelta().total_seconds()
        if len(data) > _BUDGET:
            return f"{len(data):,} bytes"
        if not 1 <= wait <= _DAY:
            return f"retry_after is {wait:,.3f} s"
        if not answer.delta:
            return ""
        if answer.codec not in (*_BY_COMPONENTS, *([_TRANSFORM] if self._book else [])):
            return f"codec is {answer.codec}"
        try:
            version = self._version(answer)
        except OmegaError as error:
            return f"the news cannot be read: {error}"
        stated = answer.state_version
        return "" if version == stated else f"they lead to {version}, and not to {stated}"

    def _version(self, answer: Any) -> int:
        """Version that news lead to; they are held to all that their form states.

        Raises:
            OmegaError: INVALID_FIELD.
        """
        if answer.codec in _BY_COMPONENTS or self._book is None:
            return decode_state_delta(answer.delta, answer.codec).version
        self._state = decode_news(answer.delta, self._book, self._state).state
        return self._state.version

    def _ask(self, _kept: Kept) -> tuple[pb.PullPatternsRequest]:
        if self._book is None:
            raise KeyError("a codebook")
        return (
            pull(
                codec=resource_pb2.CODEC_TRANSFORM,
                codebook_id=self._book.id,
                state_version=self._state.version if self._state else 0,
            ),
        )


def _codebook(kept: Kept) -> tuple[pb.GetResourceRequest]:
    for info in kept["news"].resources:
        if info.kind == _BOOK:
            return (pb.GetResourceRequest(kind=_BOOK, version=info.version),)
    raise KeyError("a codebook")
