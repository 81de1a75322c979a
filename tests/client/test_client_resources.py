from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import grpc
import pytest

from omega.common.v1 import resource_pb2
from omega.constellation.v1 import constellation_service_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega_client import ConstellationClient, ServiceError, SyncClient
from omega_core.errors import ErrorCode, OmegaError

Serve = Callable[..., str]
KIND = resource_pb2.RESOURCE_KIND_FACTORS
BODY = bytes(range(256)) * 40
INFO = resource_pb2.ResourceInfo(
    kind=KIND,
    version=3,
    size_bytes=len(BODY),
    sha256=hashlib.sha256(BODY).digest(),
    model_version="lexical-384-r1",
)


def _chunk(
    offset: int, data: bytes, info: resource_pb2.ResourceInfo | None = None
) -> resource_pb2.ResourceChunk:
    return resource_pb2.ResourceChunk(info=info, offset=offset, data=data)


def _in_pieces(
    body: bytes = BODY,
    offset: int = 0,
    piece: int = 3_000,
    info: resource_pb2.ResourceInfo = INFO,
) -> list[resource_pb2.ResourceChunk]:
    starts = range(offset, len(body), piece)
    return [_chunk(at, body[at : at + piece], info if at == offset else None) for at in starts]


class Library:
    """Sends the chunks it was given, whatever is asked for, and may break off."""

    def __init__(
        self, chunks: Sequence[resource_pb2.ResourceChunk], *, breaks: bool = False
    ) -> None:
        self.chunks = list(chunks)
        self.breaks = breaks
        self.asked: list[int] = []

    def GetResource(  # noqa: N802 - the contract's name
        self, request: pb.GetResourceRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.GetResourceResponse]:
        self.asked.append(request.offset)
        for chunk in self.chunks:
            yield pb.GetResourceResponse(chunk=chunk)
        if self.breaks:
            context.abort(grpc.StatusCode.UNAVAILABLE, "gone")


@contextmanager
def _client(serve: Serve, servicer: object) -> Iterator[SyncClient]:
    with SyncClient(serve("omega.sync.v1.SyncService", servicer), timeout=20) as client:
        yield client


def _gather(chunks: Iterator[resource_pb2.ResourceChunk], into: bytearray) -> None:
    for chunk in chunks:
        into += chunk.data


def _corrupt(call: Callable[[], object]) -> None:
    with pytest.raises(OmegaError) as caught:
        call()
    assert caught.value.code == ErrorCode.CORRUPT_RESOURCE


def test_a_body_arrives_in_order_and_whole(serve: Serve) -> None:
    with _client(serve, Library(_in_pieces())) as client:
        assert list(client.get_resource(KIND, 3)) == _in_pieces()
        assert client.download(INFO) == BODY


def test_a_body_goes_on_from_an_offset(serve: Serve) -> None:
    servicer = Library(_in_pieces(offset=5_000))
    with _client(serve, servicer) as client:
        chunks = list(client.get_resource(KIND, 3, 5_000))
        assert b"".join(chunk.data for chunk in chunks) == BODY[5_000:]
        assert client.download(INFO, into=bytearray(BODY[:5_000])) == BODY
    assert servicer.asked == [5_000, 5_000]


def test_nothing_follows_the_end_of_a_body(serve: Serve) -> None:
    servicer = Library([])
    with _client(serve, servicer) as client:
        assert list(client.get_resource(KIND, 3, len(BODY))) == []
        assert client.download(INFO, into=bytearray(BODY)) == BODY
    assert servicer.asked == [len(BODY)]


def test_a_download_that_broke_off_goes_on_where_it_stopped(serve_plain: Serve) -> None:
    servicer = Library(_in_pieces()[:2], breaks=True)
    held = bytearray()
    with _client(serve_plain, servicer) as client:
        with pytest.raises(ServiceError) as caught:
            client.download(INFO, into=held)
        assert caught.value.status == "UNAVAILABLE"
        assert held == BODY[:6_000]
        servicer.chunks, servicer.breaks = _in_pieces(offset=6_000), False
        assert client.download(INFO, into=held) == BODY
    assert servicer.asked == [0, 6_000]


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([_chunk(0, BODY)], id="no info"),
        pytest.param(
            _in_pieces(info=resource_pb2.ResourceInfo(kind=KIND, version=2, size_bytes=10_240)),
            id="another version",
        ),
        pytest.param(
            _in_pieces(
                info=resource_pb2.ResourceInfo(
                    kind=resource_pb2.RESOURCE_KIND_CATALOGUE, version=3, size_bytes=10_240
                )
            ),
            id="another kind",
        ),
        pytest.param([*_in_pieces()[:1], *_in_pieces()[2:]], id="a gap"),
        pytest.param([*_in_pieces()[:2], *_in_pieces()[1:]], id="a repeated chunk"),
        pytest.param([_in_pieces()[0], _chunk(2_999, BODY[2_999:])], id="an overlap"),
        pytest.param(_in_pieces(offset=1), id="a late start"),
        pytest.param([*_in_pieces(), _chunk(len(BODY), b"x")], id="more than stated"),
        pytest.param(_in_pieces()[:-1], id="an early end"),
        pytest.param([*_in_pieces()[:1], _chunk(3_000, b"")], id="an empty chunk"),
    ],
)
def test_chunks_that_are_not_the_body_are_refused(
    serve: Serve, chunks: list[resource_pb2.ResourceChunk]
) -> None:
    received = bytearray()
    with _client(serve, Library(chunks)) as client:
        arriving = client.get_resource(KIND, 3)
        _corrupt(lambda: _gather(arriving, received))
        _corrupt(lambda: client.download(INFO))
    assert BODY.startswith(received)


def test_a_chunk_above_its_bound_is_refused(serve: Serve) -> None:
    body = bytes(262_145)
    info = resource_pb2.ResourceInfo(kind=KIND, version=3, size_bytes=len(body))
    with _client(serve, Library([_chunk(0, body, info)])) as client:
        _corrupt(lambda: list(client.get_resource(KIND, 3)))
    with _client(serve, Library(_in_pieces(body, piece=262_144, info=info))) as client:
        assert len(list(client.get_resource(KIND, 3))) == 2


def test_a_damaged_body_is_refused_and_forgotten(serve: Serve) -> None:
    damaged = BODY[:-1] + b"\x00"
    held = bytearray()
    with _client(serve, Library(_in_pieces(damaged))) as client:
        _corrupt(lambda: client.download(INFO, into=held))
    assert held == b""


def test_held_bytes_that_are_not_the_bodys_are_refused_and_forgotten(serve: Serve) -> None:
    for held in (bytearray(b"x" * 5_000), bytearray(BODY[::-1]), bytearray(BODY + b"x")):
        with _client(serve, Library(_in_pieces(offset=5_000))) as client:
            _corrupt(lambda client=client, held=held: client.download(INFO, into=held))  # type: ignore[misc]  # bound at once
        assert held == b""


def test_another_body_than_announced_is_refused(serve: Serve) -> None:
    other = resource_pb2.ResourceInfo()
    other.CopyFrom(INFO)
    other.sha256 = bytes(32)
    held = bytearray()
    with _client(serve, Library(_in_pieces(info=other))) as client:
        _corrupt(lambda: client.download(INFO, into=held))
    assert held == b""


class Endless:
    """Sends until the client hangs up."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.ended = threading.Event()

    def GetResource(  # noqa: N802 - the contract's name
        self, _request: pb.GetResourceRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.GetResourceResponse]:
        context.add_callback(self.ended.set)
        info = resource_pb2.ResourceInfo(kind=KIND, version=3, size_bytes=2**40)
        for at in range(self.start, 2**40, 1_000):
            yield pb.GetResourceResponse(chunk=_chunk(at, b"x" * 1_000, info))


def test_a_caller_that_stops_early_ends_the_call(serve: Serve) -> None:
    servicer = Endless(0)
    with _client(serve, servicer) as client:
        chunks = client.get_resource(KIND, 3)
        next(chunks)
        chunks.close()
        assert servicer.ended.wait(20)


def test_a_damaged_stream_ends_the_call_at_once(serve: Serve) -> None:
    servicer = Endless(1)
    with _client(serve, servicer) as client:
        with pytest.raises(OmegaError) as caught:
            next(client.get_resource(KIND, 3))
        # The error that is still held keeps the stream's frames alive.
        assert servicer.ended.wait(20)
    assert caught.value.code == ErrorCode.CORRUPT_RESOURCE


def test_the_owner_of_a_shard_is_read_the_same_way(serve: Serve) -> None:
    class Owner:
        def GetResource(  # noqa: N802 - the contract's name
            self,
            request: constellation_service_pb2.GetResourceRequest,
            _context: grpc.ServicerContext,
        ) -> Iterator[constellation_service_pb2.GetResourceResponse]:
            for chunk in _in_pieces(offset=request.offset):
                yield constellation_service_pb2.GetResourceResponse(chunk=chunk)

    address = serve("omega.constellation.v1.ConstellationService", Owner())
    with ConstellationClient(address, timeout=20) as client:
        assert list(client.get_resource(KIND, 3, 7)) == _in_pieces(offset=7)
        _corrupt(lambda: list(client.get_resource(KIND, 4)))
