"""How often a device or a network may call, in bounded memory."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from omega_core import validate
from omega_core.errors import ErrorCode, OmegaError

_BITS = {4: 24, 6: 64}


@dataclass(frozen=True)
class Rate:
    """A bucket of `burst` calls that fills again at `per_minute`."""

    per_minute: float
    """Calls a minute in the long run, 0.001 to 10,000,000."""
    burst: int
    """Calls at once after a pause, 1 to 10,000,000."""

    def __post_init__(self) -> None:
        validate.number("per_minute", self.per_minute, 0.001, 10_000_000)
        validate.integer("burst", self.burst, 1, 10_000_000)


class RateLimit:
    """Admits each key at a rate. Not for several threads at once.

    A token bucket in the form of the generic cell rate algorithm (ITU-T I.371, annex A): a key
    costs one number, the instant at which its bucket would be full again. The keys that called
    longest ago are forgotten where there are too many: they find a full bucket when they are back.

    Args:
        rate: of each key.
        field: what the keys are, "device" or "network": named in the refusal.
        clock: seconds that never go back, such as time.monotonic.
        most: keys remembered, at least 1.
    """

    def __init__(
        self, rate: Rate, field: str, clock: Callable[[], float], most: int = 131_072
    ) -> None:
        validate.integer("most", most, 1, 2**31)
        self._step = 60.0 / rate.per_minute
        self._slack = self._step * (rate.burst - 1)
        self._field = field
        self._clock = clock
        self._most = most
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        """Keys remembered."""
        return len(self._full_at)

    def take(self, key: str) -> None:
        """Counts a call; one that is refused counts for nothing.

        Raises:
            OmegaError: RATE_LIMITED with the field and the seconds until a call is welcome.
        """
        now = self._clock()
        full_at = max(self._full_at.get(key, now), now)
        wait = full_at - now - self._slack
        if wait > 0:
            raise OmegaError(ErrorCode.RATE_LIMITED, field=self._field, retry_after=wait)
        self._full_at[key] = full_at + self._step
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._most:
            self._full_at.popitem(last=False)


@lru_cache(maxsize=16_384)
def network(address: str) -> str:
    """The network of an IP address: its /24 (IPv4) or /64 (IPv6); empty without an address.

    An IPv4 address in IPv6 form counts as what it is.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return str(ipaddress.ip_network((found, _BITS[found.version]), strict=False))
