"""News of the gateway under test: in one piece, in pages, or as a step between coded states."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.duration_pb2 import Duration

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega_delta import GlobalPattern, StateDelta, Trends, encode_state_delta, state_pages
from omega_delta.components import U8
from omega_delta.transform import Codebook, CodedState, NewTitles, code_state, encode_news

_BUDGET = 5_000


class News:
    """What TVs are told of the collective state; equal for all of them."""

    def __init__(self) -> None:
        self.answer = pb.SyncResponse(retry_after=Duration(seconds=600))
        """What every exchange is told whose TV is not up to date."""
        self.asks_for_reports = False
        """Whether TVs are asked how a version fares."""
        self.recalled: list[resource_pb2.ResourceKind.ValueType] = []
        """Kinds that every TV is told to take at once."""
        self.spoil = False
        """Whether news of coded states arrive with a bit turned over."""
        self.states: dict[int, CodedState] = {}
        """Published versions under the codebook."""
        self._pages: tuple[bytes, ...] = ()
        self._codebook: Codebook | None = None
        self._trends: Trends | None = None
        self._titles: NewTitles | None = None

    def tell(self, delta: StateDelta) -> None:
        """In one piece, as to a TV that knows no codec."""
        self.tell_raw(encode_state_delta(delta), delta.version)

    def tell_raw(
        self,
        delta: bytes,
        version: int = 1,
        compression: resource_pb2.Compression.ValueType = resource_pb2.COMPRESSION_ZSTD,
    ) -> None:
        """These bytes, whatever they are."""
        self._pages, self._codebook = (), None
        self.answer.ClearField("codec")
        self.answer.ClearField("pages")
        self.answer.delta, self.answer.state_version = delta, version
        self.answer.compression = compression

    def tell_pages(self, delta: StateDelta, codec: resource_pb2.Codec.ValueType = U8) -> None:
        """The first page; pulls bring the rest."""
        pages = state_pages(delta, codec)
        self.tell_raw(pages[0], delta.version)
        self.answer.codec, self.answer.pages = codec, len(pages)
        self._pages = pages

    def tell_coded(
        self,
        codebook: Codebook,
        version: int,
        patterns: Sequence[GlobalPattern],
        trends: Trends | None = None,
        titles: NewTitles | None = None,
    ) -> None:
        """A state under a codebook; who does not hold that is told in pages."""
        same = self._codebook is not None and self._codebook.id == codebook.id
        states = self.states if same else {}
        last = states[max(states)] if states else None
        self.states = {**states, version: code_state(codebook, version, patterns, last, 4_096)}
        whole = StateDelta(0, version, codebook.model_version, tuple(patterns), (), trends)
        self.tell_pages(whole)
        self._codebook, self._trends, self._titles = codebook, trends, titles

    def of(self, request: pb.SyncRequest) -> pb.SyncResponse:
        """What a TV that holds this has not heard of."""
        if self.answer.state_version == request.state_version:
            return pb.SyncResponse(retry_after=self.answer.retry_after)
        book = self._codebook
        if book is None or request.codebook_id != book.id:
            return self.answer
        answer = pb.SyncResponse(
            state_version=self.answer.state_version,
            compression=resource_pb2.COMPRESSION_NONE,
            codec=resource_pb2.CODEC_TRANSFORM,
            pages=1,
            retry_after=self.answer.retry_after,
        )
        base = self.states.get(request.state_version)
        state = self.states[answer.state_version]
        packed = encode_news(book, state, base, self._trends, self._titles, _BUDGET)
        if self.spoil:
            packed = packed[:-9] + bytes([packed[-9] ^ 1]) + packed[-8:]
        answer.delta = packed
        return answer

    def page(self, request: pb.PullPatternsRequest) -> pb.PullPatternsResponse:
        """A page; the first one where the wanted version is not the newest."""
        page = request.page if request.wanted_version == self.answer.state_version else 0
        return pb.PullPatternsResponse(
            state_version=self.answer.state_version,
            compression=self.answer.compression,
            delta=self._pages[page] if self._pages else self.answer.delta,
            codec=self.answer.codec,
            pages=self.answer.pages,
            page=page,
        )
