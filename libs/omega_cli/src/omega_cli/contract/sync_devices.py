"""The TVs that a run plays: real keys, registered at the server, erased at the end."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from omega.sync.v1 import sync_service_pb2 as pb
from omega_cli.contract.calls import Credentials, Line, Shown, nobody
from omega_cli.contract.clients.orders import Identity, Target
from omega_cli.contract.rows import How, Row
from omega_cli.contract.suite import Result
from omega_cli.contract.sync_words import Words
from omega_core.clock import ManualClock
from omega_core.errors import invalid
from omega_rpc.device_keys import DeviceKey
from omega_rpc.dpop import Prover
from omega_rpc.local_authority import authority

SERVICE = "/omega.sync.v1.SyncService/"
_ELSEWHERE = SERVICE + "Elsewhere"
_BURST = 4
"""Exchanges of one device at once, one fewer than docs/contracts.md allows."""
_STALE = timedelta(minutes=5)


@dataclass
class Device:
    """A registered TV."""

    key: DeviceKey
    """Its key."""
    token: str
    """That registration gave it."""
    chain: bytes = b""
    """Certificates that registration gave it, PEM; empty = it shows its token."""
    calls: int = 0
    """Made by it."""
    erased: bool = False
    """Whether the fleet has forgotten it."""


@dataclass
class Devices:
    """Callers of rows by what Row.who names.

    Args:
        line: to the server.
        words: of the run.
        certified: where devices show certificates in the place of tokens; None = nowhere.
    """

    line: Line
    words: Words
    certified: Target | None = None
    known: list[Device] = field(default_factory=list)
    """Registered, in that order."""
    named: dict[str, Device] = field(default_factory=dict)
    """Those that rows share by name."""

    def callers(self, row: Row) -> Shown:
        """Who makes the calls of a row.

        Raises:
            ServiceError: a device cannot be registered.
        """
        method = SERVICE + row.rpc
        makers: dict[str, Callable[[str], Shown]] = {
            "nobody": lambda _: nobody,
            "registrant": lambda method: lambda: _proven(Prover(self.words.key), method),
            "stranger": lambda method: lambda: _proven(Prover(DeviceKey.generate()), method),
            "device": lambda method: lambda: self._shown(self._pooled(), method),
            "new": lambda method: lambda: self._shown(self._register(), method),
            "erased": lambda method: lambda: self._shown(self._erased(), method),
            "thief": self._thief,
            "repeater": self._repeater,
            "late": self._late,
            "astray": lambda _: lambda: _proven(_prover(self._pooled()), _ELSEWHERE),
            "forged": self._forger,
            "self-signed": lambda _: self._self_signed,
            "uncertified": lambda _: lambda: Credentials(target=self.certified),
        }
        return makers.get(row.who, partial(self._named, row.who))(method)

    def erase(self) -> Result:
        """Erases whatever was registered; says how that went."""
        again = self.line.call(
            "RegisterDevice",
            (self.words.registration(),),
            How(),
            lambda: _proven(Prover(self.words.key), SERVICE + "RegisterDevice"),
        )
        if again.status == "OK":
            self.known.append(Device(self.words.key, again.answers[0].auth_token))
        left = [device for device in self.known if not device.erased and not self._erase(device)]
        got = f"{len(left)} are left" if left else "OK"
        return Result("EraseDevice", "every device of the run", "OK", got, not left)

    def _named(self, name: str, method: str) -> Shown:
        """A device that the rows of a name share."""
        found = self.named.get(name) or self.named.setdefault(name, self._register())
        return lambda: self._shown(found, method)

    def _shown(self, device: Device, method: str) -> Credentials:
        """What a device in good standing shows."""
        if self.certified is None:
            return _proven(_prover(device), method)
        return self._with(device.key.pem(), device.chain)

    def _with(self, key: bytes, chain: bytes) -> Credentials:
        assert self.certified is not None  # noqa: S101 - rows of certificates need it
        return Credentials(target=replace(self.certified, identity=Identity(key, chain)))

    def _self_signed(self) -> Credentials:
        """A stranger with a certificate of its own making."""
        made = authority("contract", datetime.now(UTC), timedelta(hours=1))
        return self._with(made.key_pem(), made.certificate_pem())

    def _thief(self, method: str) -> Shown:
        """Somebody with the token of another."""
        prover = Prover(DeviceKey.generate(), self._pooled().token)
        return lambda: _proven(prover, method)

    def _repeater(self, method: str) -> Shown:
        """A device that shows one proof again and again."""
        once = _proven(_prover(self._register()), method)
        return lambda: once

    def _late(self, method: str) -> Shown:
        """A device whose clock is wrong."""
        found = self._pooled()
        clock = ManualClock(datetime.now(UTC) - _STALE)
        return lambda: _proven(Prover(found.key, found.token, clock), method)

    def _forger(self, method: str) -> Shown:
        """A device with a token of its own making: one character is another."""
        found = self._pooled()
        head, last = found.token[:-5], found.token[-5]
        forged = head + ("A" if last != "A" else "B") + found.token[-4:]
        return lambda: _proven(Prover(found.key, forged), method)

    def _pooled(self) -> Device:
        found = self.named.get("device")
        if found is None or found.calls >= _BURST:
            found = self.named["device"] = self._register()
        found.calls += 1
        return found

    def _erased(self) -> Device:
        found = self.named.get("erased")
        if found is None:
            found = self.named["erased"] = self._register()
            self._erase(found)
        return found

    def _register(self) -> Device:
        """A further device.

        Raises:
            ServiceError: it is not admitted.
            OmegaError: INVALID_FIELD `--mtls-address`, when it gets no certificate.
        """
        key = DeviceKey.generate()
        csr = key.csr() if self.certified else b""
        answer = self.line.ask(
            "RegisterDevice",
            self.words.registration(request_id=str(uuid.uuid4()), csr=csr),
            lambda: _proven(Prover(key), SERVICE + "RegisterDevice"),
        )
        chain = b"".join(
            x509.load_der_x509_certificate(each).public_bytes(Encoding.PEM)
            for each in answer.certificates
        )
        if self.certified and not chain:
            raise invalid("--mtls-address", "that of a fleet that gives out certificates")
        made = Device(key, answer.auth_token, chain)
        self.known.append(made)
        return made

    def _erase(self, device: Device) -> bool:
        found = self.line.call(
            "EraseDevice",
            (pb.EraseDeviceRequest(),),
            How(),
            lambda: _proven(_prover(device), SERVICE + "EraseDevice"),
        )
        device.erased = found.status == "OK"
        return device.erased


def _prover(device: Device) -> Prover:
    return Prover(device.key, device.token)


def _proven(prover: Prover, method: str) -> Credentials:
    return Credentials(prover.metadata(method))
