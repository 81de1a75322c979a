from __future__ import annotations

from collections.abc import Callable

import grpc
import pytest

from omega_rpc import call
from omega_testing.probe import ProbeClient


@pytest.fixture
def ask(
    serve: Callable[..., str], dial: Callable[[str], grpc.Channel]
) -> Callable[[str | None], str]:
    method = ProbeClient(dial(serve(lambda _: call.request_id().encode()))).unary

    def request_id_for(given: str | None) -> str:
        metadata = () if given is None else (("x-request-id", given),)
        return str(method(b"", timeout=20, metadata=metadata).decode())

    return request_id_for


@pytest.mark.parametrize("given", ["a", "chain-7", "x" * 64])
def test_a_usable_id_is_taken(ask: Callable[[str | None], str], given: str) -> None:
    assert ask(given) == given


@pytest.mark.parametrize("given", [None, "", "x" * 65])
def test_without_one_each_call_draws_its_own(
    ask: Callable[[str | None], str], given: str | None
) -> None:
    drawn = {ask(given), ask(given)}
    assert len(drawn) == 2
    assert all(len(one) == 32 for one in drawn)


def test_outside_a_call_there_is_none() -> None:
    assert call.request_id() == ""
    with pytest.raises(LookupError):
        call.principal()
    assert call.remaining(3.5) == 3.5
