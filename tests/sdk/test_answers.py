"""What the library makes of answers: the longest, the latest, the broken ones."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from omega.brain.v1 import brain_service_pb2 as pb
from omega_testing.c_build import HEADER, Built
from omega_testing.c_library import CallError, Client
from omega_testing.c_stand import Stand, aborting, standing

pytestmark = pytest.mark.timeout(300)  # the first test waits for a build

OWN = {"recommend": -2, "observe": -3, "sync": -4, "stats": -10}


@pytest.fixture
def stand() -> Iterator[Stand]:
    with standing() as made:
        yield made


@pytest.fixture
def client(built: Built, stand: Stand) -> Iterator[Client]:
    with Client(built.library, stand.address) as opened:
        yield opened


def calls(client: Client) -> dict[str, Callable[[], Any]]:
    return {
        "recommend": client.recommend,
        "observe": lambda: client.observe(content_id=b"a"),
        "sync": client.sync,
        "stats": client.stats,
    }


def refused(call: Callable[[], Any]) -> CallError:
    with pytest.raises(CallError) as failure:
        call()
    return failure.value


def longest(n: int) -> pb.Recommendation:
    """As long as the contract allows: characters of four bytes."""
    return pb.Recommendation(
        content_id=f"{n:03d}" + "😀" * 125,
        title="😀" * 300,
        reason="😀" * 1_000,
        genres=["😀" * 64] * 16,
        because_content_ids=["😀" * 128] * 2,
        score=0.5,
    )


def test_the_longest_answer_is_taken(stand: Stand, client: Client) -> None:
    answer = pb.GetRecommendationsResponse(
        recommendation_id="r" * 36,
        next_cursor="c" * 36,
        model_version="😀" * 64,
        recommendations=[longest(n) for n in range(100)],
    )
    stand.answer = lambda _request, _context: answer.SerializeToString()
    shown = client.recommend()
    assert shown.titles == [(r.content_id, r.title, r.reason) for r in answer.recommendations]
    assert (shown.raw.recommendation_id, shown.raw.next_cursor) == (b"r" * 36, b"c" * 36)


@pytest.mark.parametrize("field", ["content_id", "title", "reason"])
def test_a_longer_field_is_refused_and_nothing_of_it_kept(
    field: str, stand: Stand, client: Client
) -> None:
    row = longest(0)
    setattr(row, field, getattr(row, field) + "😀" * 3)
    broken = pb.GetRecommendationsResponse(recommendations=[longest(1), row]).SerializeToString()
    whole = pb.GetRecommendationsResponse(recommendations=[longest(1)]).SerializeToString()
    answers = iter([broken, whole])
    stand.answer = lambda _request, _context: next(answers)
    failure = refused(client.recommend)
    assert (failure.code, failure.grpc, failure.needed) == (-10, 13, (0, 0))
    assert len(client.recommend().titles) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"\xff" * 40,
        b"\x12\x05\x0a\x03ab",
        b"\x12\x04\x0a\x02\xff\xfe",
        b"\x0a" + b"\xff" * 9 + b"\x01",
        bytes(5 << 20),
    ],
)
def test_what_is_no_message_is_refused(answer: bytes, stand: Stand, client: Client) -> None:
    stand.answer = lambda _request, _context: answer
    failure = refused(client.recommend)
    assert (failure.code, failure.grpc) == (-10, 13)


def statuses() -> dict[str, str]:
    """The table of the header: status to code."""
    table: dict[str, str] = {}
    for row in re.findall(
        r"^ \* \| ([A-Z_, ]+) \| (.*) \|$", HEADER.read_text("utf-8"), re.MULTILINE
    ):
        for name in row[0].split(", "):
            table[name] = row[1]
    return table


def test_every_status_gives_the_code_of_the_header(stand: Stand, client: Client) -> None:
    codes = {
        name: int(value)
        for name, value in re.findall(r"(OMEGA_\w+) = (-?\d+)", HEADER.read_text("utf-8"))
    }
    table = statuses()
    for status in grpc.StatusCode:
        if status is grpc.StatusCode.OK:
            continue
        stand.answer = aborting(status, "50 % für\n“x”")
        said = table.get(status.name, "OMEGA_ERR_INTERNAL")
        for name, call in calls(client).items():
            failure = refused(call)
            assert failure.code == codes.get(said, OWN[name]), (status, name)
            assert failure.grpc == status.value[0]
            assert failure.text == "50 % für “x”"


def test_a_long_text_is_cut_between_characters(stand: Stand, client: Client) -> None:
    stand.answer = aborting(grpc.StatusCode.ABORTED, "é" * 600)
    assert refused(client.recommend).text == "é" * 255


def test_a_late_answer_costs_its_deadline_and_no_connection(stand: Stand, client: Client) -> None:
    wait = threading.Event()
    peers = []

    def late(_request: bytes, context: grpc.ServicerContext) -> bytes:
        peers.append(context.peer())
        wait.wait(20)
        return b""

    stand.answer = late
    begun = time.monotonic()
    failure = refused(lambda: client.recommend(timeout_ms=300))
    assert (failure.code, failure.grpc) == (-2, 4)
    assert 0.25 < time.monotonic() - begun < 15
    wait.set()
    client.recommend()
    assert len(set(peers)) == 1


def test_no_call_waits_for_another(stand: Stand, client: Client) -> None:
    wait, begun = threading.Event(), threading.Event()

    def answer(request: bytes, _context: grpc.ServicerContext) -> bytes:
        if not request:
            begun.set()
            wait.wait(20)
        return b""

    stand.answer = answer
    slow = threading.Thread(target=client.sync)
    slow.start()
    assert begun.wait(10)
    client.observe(content_id=b"a")
    assert slow.is_alive()
    wait.set()
    slow.join()


def test_more_calls_than_the_most_wait_their_turn(built: Built, stand: Stand) -> None:
    wait, begun = threading.Event(), threading.Event()

    def answer(_request: bytes, _context: grpc.ServicerContext) -> bytes:
        begun.set()
        wait.wait(20)
        return b""

    stand.answer = answer
    with Client(built.library, stand.address, max_calls=1) as narrow:
        first = threading.Thread(target=narrow.sync)
        first.start()
        assert begun.wait(10)
        failure = refused(lambda: narrow.stats(timeout_ms=200))
        assert (failure.grpc, failure.text) == (4, "too many calls under way")
        second = threading.Thread(target=narrow.sync)
        second.start()
        wait.set()
        first.join()
        second.join()
        narrow.stats()


def test_a_server_that_speaks_no_http2(built: Built, storage: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{storage}/raw")
        listener.listen()

        def talk() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=talk)
        thread.start()
        with Client(built.library, f"unix:{storage}/raw") as client:
            failure = refused(client.stats)
        thread.join()
    assert (failure.code, failure.grpc) == (-10, 14)
