"""Nothing that relay or randomness server receive depends on which TV sends it."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import grpc
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from tests.brain.pair_town import NOW, Arrived, Likes, PairTv, Town, town

from omega.threshold.v1 import randomness_service_pb2_grpc, relay_service_pb2_grpc
from omega_client import RandomnessClient, RelayClient, ServiceError
from omega_core import spans
from omega_core.clock import ManualClock
from omega_rpc import call as calls
from omega_testing.recording import recording
from omega_threshold.intake import SENT_BYTES

EXPECTED = {"user-agent"}
"""All metadata that arrives; it names the gRPC library."""


def lived(folder: Path, likes: list[int], parties: Town) -> list[Arrived]:
    """What the parties receive of one TV in a few days."""
    parties.arrived.clear()
    tv = PairTv(parties, folder, Likes(likes))
    tv.start()
    tv.days(4)
    tv.stop()
    return list(parties.arrived)


@settings(
    max_examples=2,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(likes=st.permutations(list(range(1, 40))), count=st.integers(2, 4))
def test_two_tvs_that_like_the_same_number_of_titles_send_the_same(
    tmp_path_factory: pytest.TempPathFactory, likes: list[int], count: int
) -> None:
    folder = tmp_path_factory.mktemp("town")
    seen = []
    for name, titles in (("one", likes[:count]), ("other", likes[count : 2 * count])):
        (folder / name).mkdir()
        with town(folder / name, ManualClock(NOW)) as parties:
            seen.append(lived(folder / f"tv-{name}", titles, parties))
    one, other = seen
    for sent in seen:
        forwards = [each for each in sent if each.method == "Forward"]
        assert len(forwards) == count * (count + 1) // 2
        # A field of two bytes of length before what is sealed.
        assert {each.size for each in forwards} == {SENT_BYTES + 3}
        # Each alone: never two at one instant.
        instants = sorted(each.at for each in forwards)
        assert all(later > sooner for sooner, later in itertools.pairwise(instants))
    assert _shape(one) == _shape(other)
    assert {each.metadata for each in one} == {each.metadata for each in other}
    for each in one:
        assert {key for key, _ in each.metadata} == EXPECTED


def _shape(sent: list[Arrived]) -> Counter[tuple[str, int, int]]:
    """Methods, lengths and numbers of elements, without their instants."""
    return Counter((each.method, each.size, each.elements) for each in sent)


def test_instants_of_reports_have_nothing_to_do_with_when_titles_were_liked(
    tmp_path: Path,
) -> None:
    (tmp_path / "town").mkdir()
    with town(tmp_path / "town") as parties:
        tv = PairTv(parties, tmp_path / "tv", Likes(list(range(1, 9))))
        tv.start()
        while not (waiting := tv.stores.pair_reports.waiting()):
            due = tv.reporter.next_at()
            assert due is not None
            parties.clock.advance(max(timedelta(), due - parties.clock.now()))
            tv.reporter.turn()
        order = [each.titles for each in waiting]
        tv.stop()
        found = set()
        for number in range(6):
            again = PairTv(parties, tmp_path / f"tv-{number}", Likes(list(range(1, 9))))
            again.start()
            while not (waiting := again.stores.pair_reports.waiting()):
                due = again.reporter.next_at()
                assert due is not None
                parties.clock.advance(max(timedelta(), due - parties.clock.now()))
                again.reporter.turn()
            found.add(tuple(each.titles for each in waiting))
            again.stop()
        # 8! orders of the titles alone: all the same once in 10^20.
        assert found != {tuple(order)}


class Looks(
    relay_service_pb2_grpc.RelayServiceServicer,
    randomness_service_pb2_grpc.RandomnessServiceServicer,
):
    """Notes metadata, and is not there for the first call."""

    def __init__(self) -> None:
        self.seen: list[tuple[tuple[str, str], ...]] = []
        self._lock = threading.Lock()

    def _look(self, context: grpc.ServicerContext) -> NoReturn:
        with self._lock:
            self.seen.append(tuple((k, str(v)) for k, v in context.invocation_metadata()))
            first = len(self.seen) == 1
        context.abort(grpc.StatusCode.UNAVAILABLE if first else grpc.StatusCode.UNIMPLEMENTED, "no")
        raise AssertionError("abort returned")

    def Forward(  # noqa: N802 - named by the contract
        self, request: object, context: grpc.ServicerContext
    ) -> NoReturn:
        """As named."""
        del request
        self._look(context)

    def Evaluate(  # noqa: N802 - named by the contract
        self, request: object, context: grpc.ServicerContext
    ) -> NoReturn:
        """As named."""
        del request
        self._look(context)

    GetPublicKey = GetReportingKeys = Forward


@pytest.fixture
def looks() -> Iterator[tuple[Looks, str]]:
    made = Looks()
    with ExitStack() as stack:
        server = grpc.server(stack.enter_context(ThreadPoolExecutor(2)))
        relay_service_pb2_grpc.add_RelayServiceServicer_to_server(made, server)
        randomness_service_pb2_grpc.add_RandomnessServiceServicer_to_server(made, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        stack.callback(lambda: server.stop(None).wait())
        yield made, f"127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("kind", "ask"),
    [
        (RelayClient, lambda client: client.forward(bytes(60))),
        (RandomnessClient, lambda client: client.evaluate(1, [bytes(32)])),
    ],
)
def test_a_call_inside_another_and_in_a_trace_shows_nothing_of_either(
    kind: type[RelayClient | RandomnessClient],
    ask: Callable[[RelayClient | RandomnessClient], object],
    looks: tuple[Looks, str],
) -> None:
    made, address = looks
    token = calls._request_id.set("a-request-of-this-tv")
    try:
        with recording() as recorded, spans.span("exchange"), kind(address) as client:
            assert trace.get_current_span().get_span_context().is_valid
            with pytest.raises(ServiceError):
                ask(client)
    finally:
        calls._request_id.reset(token)
    assert [span.name for span in recorded.all()] == ["exchange"]
    assert len(made.seen) == 2, "the one that was not taken is repeated"
    assert made.seen[0] == made.seen[1], "and looks as the first"
    assert [key for key, _ in made.seen[0]] == ["user-agent"]
