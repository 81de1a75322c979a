"""What must hold at the end of a simulation, whatever went wrong in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from omega_cli.fleet.device import Device
from omega_cli.fleet.library import Library
from omega_cli.fleet.site import FleetSite
from omega_cli.fleet.turns import Turns
from omega_store import Store


@dataclass(frozen=True)
class Verdict:
    """Counts of what was looked at, and of what is wrong."""

    acknowledged: int
    """Pushes that the fleet acknowledged."""
    duplicates: int
    """Of them, those that it had already when they came again."""
    stored: int
    """Pushes in the database."""
    lost: int
    """Acknowledged pushes that are not stored, or not as they were sent."""
    unknown: int
    """Stored pushes that no TV sent, and those that are stored twice."""
    open: int
    """Pushes that were sent and never acknowledged, of which the TV would send them again."""
    stuck: int
    """TVs whose last turn failed though everything is up again."""
    backwards: int
    """Times that a TV was led to an older state."""
    decoded: int
    """News that were decoded."""
    compared: int
    """States that TVs of the sample decoded by themselves, equal to the others' to the bit."""

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.unknown or self.stuck or self.backwards or self.open)

    def as_dict(self) -> dict[str, int | bool]:
        """For machines."""
        return {**asdict(self), "holds": self.holds}


def verdict(site: FleetSite, turns: Turns, library: Library, devices: Sequence[Device]) -> Verdict:
    """Compares what TVs sent and were told with what the shard has stored."""
    ledger = turns.ledger
    owner = {device.device_id: device.number for device in devices}
    stored: Counter[bytes] = Counter()
    wrong = 0
    with Store.connect(site.database_url) as store, store.snapshot() as conn:
        for device_id, request_id, count, size in conn.execute(
            "SELECT device_id, request_id, count, length(sketches) FROM pushes"
        ):
            stored[request_id.bytes] += 1
            sent = ledger.sent.get(request_id.bytes)
            wrong += sent != (owner.get(device_id), count) or size != 48 * count
    twice = sum(n - 1 for n in stored.values())
    living = [device for device in devices if device.day is not None]
    return Verdict(
        acknowledged=len(ledger.acknowledged),
        duplicates=ledger.duplicates,
        stored=stored.total(),
        lost=len(ledger.acknowledged - stored.keys()),
        unknown=wrong + twice,
        open=len(ledger.sent.keys() - ledger.acknowledged),
        stuck=sum(device.failures > 0 for device in living),
        backwards=ledger.backwards,
        decoded=library.decoded,
        compared=library.compared,
    )
