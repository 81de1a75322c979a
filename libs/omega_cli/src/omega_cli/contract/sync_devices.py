"""The TVs that a run plays: real keys, registered at the server, erased at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from omega.sync.v1 import sync_service_pb2 as pb
from omega_cli.contract.calls import Line, Shown, nobody
from omega_cli.contract.rows import How, Row
from omega_cli.contract.suite import Result
from omega_cli.contract.sync_words import Words
from omega_core.clock import ManualClock
from omega_rpc.device_keys import DeviceKey
from omega_rpc.dpop import Prover

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
    """

    line: Line
    words: Words
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
            "registrant": lambda method: partial(Prover(self.words.key).metadata, method),
            "stranger": lambda method: partial(Prover(DeviceKey.generate()).metadata, method),
            "device": lambda method: lambda: _prover(self._pooled()).metadata(method),
            "new": lambda method: lambda: _prover(self._register()).metadata(method),
            "erased": lambda method: lambda: _prover(self._erased()).metadata(method),
            "thief": self._thief,
            "repeater": self._repeater,
            "late": self._late,
            "astray": lambda _: lambda: _prover(self._pooled()).metadata(_ELSEWHERE),
            "forged": self._forger,
        }
        return makers.get(row.who, partial(self._named, row.who))(method)

    def erase(self) -> Result:
        """Erases whatever was registered; says how that went."""
        again = self.line.call(
            "RegisterDevice",
            (self.words.registration(),),
            How(),
            lambda: Prover(self.words.key).metadata(SERVICE + "RegisterDevice"),
        )
        if again.status == "OK":
            self.known.append(Device(self.words.key, again.answers[0].auth_token))
        left = [device for device in self.known if not device.erased and not self._erase(device)]
        got = f"{len(left)} are left" if left else "OK"
        return Result("EraseDevice", "every device of the run", "OK", got, not left)

    def _named(self, name: str, method: str) -> Shown:
        """A device that the rows of a name share."""
        found = self.named.get(name) or self.named.setdefault(name, self._register())
        return partial(_prover(found).metadata, method)

    def _thief(self, method: str) -> Shown:
        """Somebody with the token of another."""
        return partial(Prover(DeviceKey.generate(), self._pooled().token).metadata, method)

    def _repeater(self, method: str) -> Shown:
        """A device that shows one proof again and again."""
        once = _prover(self._register()).metadata(method)
        return lambda: once

    def _late(self, method: str) -> Shown:
        """A device whose clock is wrong."""
        found = self._pooled()
        clock = ManualClock(datetime.now(UTC) - _STALE)
        return partial(Prover(found.key, found.token, clock).metadata, method)

    def _forger(self, method: str) -> Shown:
        """A device with a token of its own making: one character is another."""
        found = self._pooled()
        head, last = found.token[:-5], found.token[-5]
        forged = head + ("A" if last != "A" else "B") + found.token[-4:]
        return partial(Prover(found.key, forged).metadata, method)

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
        key = DeviceKey.generate()
        request = self.words.another()

        def shown() -> tuple[tuple[str, str], ...]:
            return Prover(key).metadata(SERVICE + "RegisterDevice")

        made = Device(key, self.line.ask("RegisterDevice", request, shown).auth_token)
        self.known.append(made)
        return made

    def _erase(self, device: Device) -> bool:
        def shown() -> tuple[tuple[str, str], ...]:
            return _prover(device).metadata(SERVICE + "EraseDevice")

        found = self.line.call("EraseDevice", (pb.EraseDeviceRequest(),), How(), shown)
        device.erased = found.status == "OK"
        return device.erased


def _prover(device: Device) -> Prover:
    return Prover(device.key, device.token)
