"""Figures of a shard's store: durable sketches a second, a pull's query, bytes a device."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from omega_cli.bench import constellation_ingest, constellation_pull, constellation_storage
from omega_cli.bench.figures import Figure
from omega_core import validate
from omega_store import Store, StoreConfig, migrate
from omega_testing.postgres import EmbeddedPostgres

Advance = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """Sizes of a run; the defaults are those that the goals speak of."""

    seconds: float = 2.0
    """Time for each run of each way of writing, 0.1 to 600."""
    runs: int = 5
    """Runs of each way of writing, of which the best counts, 1 to 100."""
    devices: int = 2_000
    """Devices that push, 16 to 1,000,000."""
    patterns: int = 1_000_000
    """Rows of the table of global patterns, 1,000 to 10,000,000."""
    pulls: int = 500
    """Pulls, 100 to 100,000."""
    households: int = 500
    """Households whose year is stored, 16 to 100,000."""
    sketches_a_year: int = 200
    """Sketches that each of them pushes in a year, 5 to 10,000."""

    def __post_init__(self) -> None:
        validate.number("seconds", self.seconds, 0.1, 600)
        validate.integer("runs", self.runs, 1, 100)
        validate.integer("devices", self.devices, 16, 1_000_000)
        validate.integer("patterns", self.patterns, 1_000, 10_000_000)
        validate.integer("pulls", self.pulls, 100, 100_000)
        validate.integer("households", self.households, 16, 100_000)
        validate.integer("sketches_a_year", self.sketches_a_year, 5, 10_000)

    @property
    def steps(self) -> int:
        """How often measure() says that it goes on."""
        return (
            constellation_ingest.steps(self.runs)
            + constellation_pull.STEPS
            + constellation_storage.STEPS
        )


def measure(plan: Plan, advance: Advance) -> dict[str, Figure]:
    """Every figure; `advance` hears what is done next, plan.steps times."""
    found: dict[str, Figure] = {}
    with _shard() as (postgres, store):
        found |= constellation_ingest.measure(
            postgres, store, plan.devices, plan.seconds, plan.runs, advance
        )
    with _shard() as (_, store):
        found |= constellation_pull.measure(store, plan.patterns, plan.pulls, advance)
    with _shard() as (_, store):
        found |= constellation_storage.measure(
            store, plan.households, plan.sketches_a_year, advance
        )
    return found


@contextmanager
def _shard() -> Iterator[tuple[EmbeddedPostgres, Store]]:
    """A Postgres of its own: what one measures does not weigh on another."""
    with EmbeddedPostgres() as postgres:
        migrate(postgres.url)
        config = StoreConfig(statement_seconds=3_600)
        with Store.connect(postgres.url, config) as store:
            yield postgres, store
