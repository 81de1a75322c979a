"""The clients have what the contracts have, defined once for threads and for event loops."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import ServiceDescriptor

import omega_client
from omega_client import aio
from omega_client.base import LONGEST, Client, ServiceClient
from omega_client.methods import Method

PROTO = Path(__file__).resolve().parents[2] / "proto"
THREADS = {
    kind.service: kind
    for kind in vars(omega_client).values()
    if isinstance(kind, type) and issubclass(kind, ServiceClient)
}


def services() -> Iterator[ServiceDescriptor]:
    """Every service that the contracts define."""
    for path in sorted(PROTO.glob("omega/**/*.proto")):
        name = ".".join(path.relative_to(PROTO).with_suffix("").parts)
        yield from importlib.import_module(f"{name}_pb2").DESCRIPTOR.services_by_name.values()


SERVICES = {service.full_name: service for service in services()}


def defined(kind: type[Client]) -> dict[str, tuple[str, Method]]:
    """The contract's name of each method -> its name and definition."""
    found = {name: getattr(getattr(kind, name), "method", None) for name in dir(kind)}
    return {m.name: (name, m) for name, m in found.items() if isinstance(m, Method)}


def test_every_service_of_the_contracts_has_a_client() -> None:
    assert len(SERVICES) == 8
    assert THREADS.keys() == SERVICES.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_every_method_of_the_contracts_has_its_own(name: str) -> None:
    methods = defined(THREADS[name])
    contract = SERVICES[name].methods_by_name
    assert methods.keys() == set(contract)
    for each, (_, method) in methods.items():
        assert method.answer is message_factory.GetMessageClass(contract[each].output_type), each
        assert 1 <= method.seconds <= LONGEST


@pytest.mark.parametrize("name", SERVICES)
def test_a_client_of_an_event_loop_has_the_same_methods_and_their_words(name: str) -> None:
    kind = THREADS[name]
    same: type[Client] = getattr(aio, kind.__name__)
    assert issubclass(same, aio.ServiceClient)
    for own, method in defined(kind).values():
        function = getattr(kind, own)
        assert getattr(same, own) is function
        assert inspect.getdoc(function), own
        returned = inspect.signature(function).return_annotation
        assert returned in (method.answer, inspect.Signature.empty), own
    public = {own for own in dir(kind) if not own.startswith("_")}
    assert public == {own for own in dir(same) if not own.startswith("_")}


def test_what_may_happen_once_only_is_a_method_of_the_contracts() -> None:
    single = [name for kind in THREADS.values() for name in kind.single]
    assert single
    for name in single:
        service, _, method = name.partition("/")
        assert method in SERVICES[service].methods_by_name
