"""What the fuzzers of libomega_tv begin with: answers of a gRPC server as they cross the socket.

The forms are those of libs/omega_sdk/fuzz.
"""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from google.protobuf.message import Message

from omega.brain.v1 import brain_service_pb2 as pb
from omega_testing import c_types
from omega_testing.c_build import Built, example
from omega_testing.c_library import CallError, Client, Json
from omega_testing.c_stand import Stand, aborting, standing

ROOM, WHOLE, RAW = 255, 16, 0
"""Second and third byte of an input: much room; one message in frames of 256 bytes; bytes as they
crossed the socket."""
JSON_FUNCTION = 6
_TITLE = pb.Recommendation(
    content_id="film-2",
    title="Night Train",
    score=0.9,
    reason="Popular",
    genres=["Drama"],
    year=1999,
)
ANSWERS: tuple[Message, ...] = (
    pb.GetRecommendationsResponse(
        mode=pb.MODE_HEALTHY, recommendations=[_TITLE] * 3, next_cursor="cursor-1"
    ),
    pb.ObserveEventResponse(event_id="event-1", reward=0.5),
    pb.SyncNowResponse(pushed_sketches=1, state_version=7),
    pb.GetStatsResponse(model_version="lexical", contents=3, mode=pb.MODE_HEALTHY),
    pb.ClearDataResponse(erased_rows=3),
    pb.UpsertContentsResponse(added=1),
)
"""One of each function, in the order of fuzz/answer.c."""
INSTANTS = ("2025-11-30T16:26:40Z", "1970-01-01t00:00:00.125+23:59")
ODD_JSON = (
    '{"limit": null, "x": [1, {"y": "\\u00e9\\ud83d\\ude00"}, true, -0.5e-3]}',
    '{"limit": 1.0e1, "time": "23:59", "device": "watch"}',
    '{"content_id": "a", "watch_percentage": 1, "timestamp": 1764520000}',
)


def of_answers(built: Built) -> Iterator[bytes]:
    """Inputs of fuzz_answer."""
    for function, answer in enumerate(ANSWERS):
        yield bytes([function, ROOM, WHOLE]) + answer.SerializeToString()
    with standing() as stand:
        for function, call in enumerate(_calls(built)):
            stand.answer = _answering(function)
            yield bytes([function, ROOM, RAW]) + _recorded(stand, call)
        stand.answer = aborting(grpc.StatusCode.NOT_FOUND, "no “title”")
        yield bytes([0, ROOM, RAW]) + _recorded(stand, next(_calls(built)))
        stand.answer = lambda _request, _context: b""
        yield bytes([JSON_FUNCTION, ROOM, RAW]) + _recorded(stand, lambda at: _ten(built, at))


def of_json() -> Iterator[bytes]:
    """Inputs of fuzz_json_input."""
    for name in ("context", "event", "list", "stats"):
        yield example(name).encode()
    yield from (text.encode() for text in (*ODD_JSON, *INSTANTS))


def _calls(built: Built) -> Iterator[Callable[[Path], object]]:
    """Each function of the typed API, called twice on one handle."""

    def twice(call: Callable[[Client], object]) -> Callable[[Path], object]:
        def run(storage: Path) -> None:
            with Client(built.library, f"unix:{storage}/run/brain.sock") as client:
                for _ in range(2):
                    with suppress(CallError):
                        call(client)

        return run

    film = c_types.Content(content_id=b"film-1", title=b"Harbour", kind=1)
    yield twice(lambda client: client.recommend())
    yield twice(lambda client: client.observe(content_id=b"film-1"))
    yield twice(lambda client: client.sync())
    yield twice(lambda client: client.stats())
    yield twice(lambda client: client.clear())
    yield twice(lambda client: client.upsert([film]))


def _ten(built: Built, storage: Path) -> None:
    functions = Json(built.library)
    functions.c.omega_init(str(storage).encode(), None)
    functions.recommend("{}")
    functions.stats()
    functions.c.omega_shutdown()


def _answering(function: int) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    body = ANSWERS[function].SerializeToString()
    return lambda _request, _context: body


@dataclass
class _Tape:
    """What a server sent."""

    sent: bytearray = field(default_factory=bytearray)
    """All bytes, connection after connection."""


def _recorded(stand: Stand, call: Callable[[Path], object]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="omega-seed-") as name:
        storage = Path(name)
        (storage / "run").mkdir()
        with _taping(storage / "run" / "brain.sock", stand.address) as tape:
            call(storage)
        return bytes(tape.sent)


@contextmanager
def _taping(path: Path, target: str) -> Iterator[_Tape]:
    """Listens in the server's place for one connection after the other."""
    tape = _Tape()
    host, _, port = target.rpartition(":")

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client, socket.create_connection((host, int(port))) as server:
                up = threading.Thread(target=_copy, args=(client, server, bytearray()))
                down = threading.Thread(target=_copy, args=(server, client, tape.sent))
                up.start()
                down.start()
                up.join()
                down.join()

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield tape
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _copy(source: socket.socket, sink: socket.socket, tape: bytearray) -> None:
    with suppress(OSError):
        while piece := source.recv(65_536):
            tape += piece
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
