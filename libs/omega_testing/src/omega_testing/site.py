"""Devices of tests with keys and credentials, and the place that they call."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from omega.sync.v1 import sync_service_pb2 as pb
from omega.sync.v1 import sync_service_pb2_grpc
from omega_client import AdminClient, ConstellationClient, ServiceError, SyncClient
from omega_client.errors import service_error
from omega_core.clock import Clock, ManualClock, SystemClock
from omega_rpc.channel import connect
from omega_rpc.device_keys import DeviceKey
from omega_rpc.dpop import Prover
from omega_rpc.local_authority import Signed
from omega_rpc.tls import ClientTls
from omega_rpc.tokens import TokenKeys
from omega_testing.refusals import Refusal

SERVICE = "/omega.sync.v1.SyncService/"
"""What the full name of each method begins with."""
Stub = sync_service_pb2_grpc.SyncServiceStub


def write(path: Path, data: bytes) -> Path:
    """Writes a file that others cannot read."""
    path.write_bytes(data)
    path.chmod(0o600)
    return path


@dataclass
class Seconds:
    """A clock of limits that is moved by hand."""

    now: float = 1_000.0
    """What it shows."""

    def __call__(self) -> float:
        """What it shows."""
        return self.now


@dataclass
class Device:
    """A TV: its key and what registration gave it."""

    key: DeviceKey
    """Its key."""
    clock: Clock = field(default_factory=SystemClock)
    """Stamps its proofs."""
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    """Of its registration."""
    device_id: str = ""
    """Empty = not registered."""
    token: str = ""
    """Empty = not registered."""
    certificates: tuple[bytes, ...] = ()
    """Its chain, DER."""

    def call(self, method: str) -> dict[str, Any]:
        """Keyword arguments of one call: the token and a fresh proof."""
        return {"metadata": self.prover.metadata(SERVICE + method), "timeout": 20}

    @property
    def prover(self) -> Prover:
        """Its credential."""
        return Prover(self.key, self.token, self.clock)

    def registration(self, **changed: Any) -> pb.RegisterDeviceRequest:
        """A request that proves its key by a csr."""
        fields: dict[str, Any] = {"request_id": self.request_id, "csr": self.key.csr()}
        return pb.RegisterDeviceRequest(**(fields | changed))

    def take(self, made: pb.RegisterDeviceResponse) -> None:
        """Keeps what registration gave it."""
        self.device_id, self.token = made.device_id, made.auth_token
        self.certificates = tuple(made.certificates)


@dataclass
class Site:
    """A gateway with both listeners, before a constellation."""

    stack: ExitStack
    """Closes what is opened here."""
    folder: Path
    """Holds PEM files."""
    clock: ManualClock
    """The gateway's time of credentials."""
    seconds: Seconds
    """The gateway's time of limits."""
    keys: TokenKeys
    """Sign the gateway's tokens."""
    device_ca: Signed
    """Signs devices."""
    server_ca: Path
    """Signed the gateway."""
    address: str
    """Listener for tokens and enrolment."""
    mutual_address: str
    """Listener that asks for certificates."""
    addresses: Mapping[str, str]
    """Further listeners, by their settings."""
    operator: ConstellationClient
    """Of the constellation."""
    admin: AdminClient
    """The same."""

    def dial(self) -> Stub:
        """A connection of a device that shows no certificate."""
        return self.open(self.address, self.tls())

    def dial_with(self, chain: tuple[bytes, ...], key: bytes, name: str = "device") -> Stub:
        """A connection of a device that shows a certificate."""
        pems = (
            x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)
            for der in chain
        )
        certificate = write(self.folder / f"{name}.pem", b"".join(pems))
        key_path = write(self.folder / f"{name}.key", key)
        return self.open(self.mutual_address, ClientTls(self.server_ca, certificate, key_path))

    def mutual(self, device: Device) -> Stub:
        """A connection of a device that shows its own certificate."""
        return self.dial_with(device.certificates, device.key.pem(), device.device_id)

    def speaking(self, device: Device, form: str) -> tuple[Stub, Callable[[str], dict[str, Any]]]:
        """A connection of a device by "certificate" or "token", and the arguments of its calls."""
        if form == "certificate":
            return self.mutual(device), lambda _method: {"timeout": 20}
        return self.dial(), device.call

    def new_device(self) -> Device:
        """A TV that has not called yet."""
        return Device(DeviceKey.generate(), self.clock)

    def device(self, **changed: Any) -> Device:
        """A TV that is registered."""
        device = self.new_device()
        device.take(self.dial().RegisterDevice(device.registration(**changed), timeout=20))
        return device

    def tls(self) -> ClientTls:
        """Trust in the gateway, and nothing shown."""
        return ClientTls(self.server_ca)

    def open(self, address: str, tls: ClientTls | None) -> Stub:
        """A connection that repeats nothing by itself."""
        return Stub(self.stack.enter_context(connect(address, tls, retries=False)))


def enrolled(client: SyncClient, **changed: Any) -> Device:
    """A TV with a fresh key that is registered by `client`, by a csr unless told otherwise."""
    device = Device(DeviceKey.generate())
    device.take(client.register_device(device.registration(**changed)))
    return device


def refusal(error: grpc.RpcError) -> Refusal:
    """What an error of a bare stub says."""
    found: ServiceError = service_error(error)
    return Refusal(found.status, found.reason, found.field)


class Proving(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Shows a credential with each call of a channel: `grpc.intercept_channel(channel, this)`.

    Args:
        prover: of the device.
    """

    def __init__(self, prover: Prover) -> None:
        self._prover = prover

    def intercept_unary_unary(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        """Adds the metadata."""
        return continuation(self._shown(client_call_details), request)

    def intercept_unary_stream(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        """Adds the metadata."""
        return continuation(self._shown(client_call_details), request)

    def intercept_stream_stream(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        """Adds the metadata."""
        return continuation(self._shown(client_call_details), request_iterator)

    def _shown(self, details: Any) -> Any:
        method = details.method if isinstance(details.method, str) else details.method.decode()
        metadata = (*(details.metadata or ()), *self._prover.metadata(method))
        return details._replace(metadata=metadata)
