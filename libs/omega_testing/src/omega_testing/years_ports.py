"""What a simulation of years asks of a brain: no library knows the service, which answers this."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from omega_agentdb import AgentDB
from omega_core.content import Content
from omega_core.profile import Profile
from omega_core.viewing import ViewingContext, ViewingEvent
from omega_loops import Report
from omega_memory import HouseholdMemory
from omega_persistence import Database, Events, Settings, TitleRecords


class YearsLoops(Protocol):
    """The seven loops."""

    def tick(self, now: datetime) -> tuple[Report, ...]:
        """Runs what is due."""
        ...


class YearsStores(Protocol):
    """The tables that are looked at."""

    @property
    def database(self) -> Database:
        """The file."""
        ...

    @property
    def events(self) -> Events:
        """Viewings of a month."""
        ...

    @property
    def title_records(self) -> TitleRecords:
        """What remains of older ones."""
        ...

    @property
    def settings(self) -> Settings:
        """What self-tuning tried."""
        ...


class YearsBrain(Protocol):
    """What is driven."""

    @property
    def loops(self) -> YearsLoops:
        """The seven loops; nothing ticks them but the simulation."""
        ...

    @property
    def stores(self) -> YearsStores:
        """The tables."""
        ...

    @property
    def memory(self) -> HouseholdMemory:
        """Twelve tiers."""
        ...

    @property
    def agentdb(self) -> AgentDB:
        """Taste patterns."""
        ...

    def observe(self, event: ViewingEvent) -> object:
        """Takes an event."""
        ...

    def upsert(self, contents: Sequence[Content]) -> object:
        """Takes titles."""
        ...

    def put_profile(self, profile: Profile) -> bool:
        """Takes a profile."""
        ...

    def close(self) -> None:
        """Ends in good order."""
        ...


B = TypeVar("B", bound=YearsBrain)
Shown = tuple[str, Sequence[str]]
"""A recommendation_id and the content ids of the list."""


@dataclass(frozen=True)
class YearsTv(Generic[B]):
    """How a brain is had and asked."""

    storage: Path
    """Its directory, which alone stands in its parent."""
    opened: Callable[[], B]
    """Opens it over that directory."""
    ask: Callable[[B, str, ViewingContext], Shown]
    """The list of a profile: 20 titles, where there are as many."""
    reopen_days: int = 30
    """Days between two ends of the process; each second one is a power cut. 0 = never."""
