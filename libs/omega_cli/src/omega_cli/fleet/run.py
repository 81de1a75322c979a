"""The simulation: moves virtual time from slice to slice, and has TVs do what is due in each."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from omega_cli.bench import proc
from omega_cli.fleet import checks
from omega_cli.fleet.checks import Verdict
from omega_cli.fleet.device import Device, Setting
from omega_cli.fleet.faults import Fault, What
from omega_cli.fleet.homes import HOUR, Habits, Homes
from omega_cli.fleet.library import Library
from omega_cli.fleet.samples import Sample, Sampler, Stored
from omega_cli.fleet.site import FleetSite, Servers
from omega_cli.fleet.turns import Turns
from omega_core import validate
from omega_core.content import Content
from omega_eval.tvlike_world import tv_world
from omega_privacy import SketchPolicy

START = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
"""A Monday."""
_ENROL_SECONDS = 30.0
_ENROLLED_TOGETHER = 1_000
_ENROL_WORK = 0.5
_ENOUGH = 20_000  # TVs whose memory stands out from all else
_SETTLE_SECONDS = 900.0
_SETTLE_TURNS = 3
Advance = Callable[[float], None]


@dataclass(frozen=True)
class Plan:
    """Sizes of a run."""

    devices: int = 1_000
    """TVs that live, 1 to 1,000,000."""
    hours: float = 24.0
    """Simulated hours that they live, 0 to 8,784."""
    enrolled: int = 0
    """TVs that are enrolled with one exchange each; the first of them live. 0 = as many as live."""
    seed: int = 0
    """Of every draw that no secret depends on, 0 on."""
    slice_seconds: float = 20.0
    """Virtual time whose calls are sent together, 1 to 50: a proof is good for 60."""
    together: int = 96
    """Calls under way at most, 1 to 4,096."""
    channels: int = 4
    """Connections to each gateway, 1 to 64."""
    sample_minutes: float = 15.0
    """Virtual time between two samples, 1 to 1,440."""
    start: datetime = START
    """When the first TV is taken out of its box, by virtual time."""
    servers: Servers = field(default_factory=Servers)
    """How the servers are set up."""
    habits: Habits = field(default_factory=Habits)
    """How households live."""
    faults: Sequence[Fault] = ()
    """By time."""

    def __post_init__(self) -> None:
        validate.integer("devices", self.devices, 1, 1_000_000)
        validate.number("hours", self.hours, 0, 8_784)
        validate.integer("enrolled", self.enrolled, 0, 1_000_000)
        validate.integer("seed", self.seed, 0, 2**31)
        validate.number("slice_seconds", self.slice_seconds, 1, 50)
        validate.integer("together", self.together, 1, 4_096)
        validate.integer("channels", self.channels, 1, 64)
        validate.number("sample_minutes", self.sample_minutes, 1, 1_440)

    @property
    def work(self) -> float:
        """What `advance` hears of in all: seconds that TVs live, and half of one to enrol each."""
        return self.count * _ENROL_WORK + self.hours * HOUR

    @property
    def count(self) -> int:
        """TVs that are enrolled."""
        return max(self.devices, self.enrolled)


@dataclass(frozen=True)
class Result:
    """What a run found."""

    plan: Plan
    """What was asked for."""
    enrolment: Sample
    """The enrolment as one sample."""
    samples: list[Sample]
    """Of the time after it."""
    verdict: Verdict
    """Of the invariants."""
    tables: dict[str, Stored]
    """What the database holds at the end."""
    device_bytes: float
    """Memory of the simulator a TV, its key and token included; 0 = too few TVs to tell."""
    seconds: float
    """What the run took, in real time."""


class Simulation:
    """One run. Not for several threads at once.

    Args:
        plan: sizes.
        contents: the titles.
        say: hears what is being done.
        advance: hears of the work that was done, of Plan.work in all.
    """

    def __init__(
        self, plan: Plan, contents: Sequence[Content], say: Callable[[str], None], advance: Advance
    ) -> None:
        self._plan = plan
        self._contents = list(contents)
        self._say = say
        self._advance = advance

    def run(self) -> Result:
        """Starts the servers, enrols, lives, and checks.

        Raises:
            RuntimeError: a server does not start.
        """
        begun = time.perf_counter()
        with FleetSite(self._plan.servers, self._contents, self._plan.start, self._say) as site:
            return asyncio.run(self._play(site, begun))

    async def _play(self, site: FleetSite, begun: float) -> Result:
        plan, library = self._plan, Library()
        world = tv_world(self._contents, plan.seed)
        setting = Setting(
            Homes(world, plan.seed, plan.habits),
            site.embeddings(),
            site.catalogue.model_version,
            SketchPolicy.default(),
            "simulated",
        )
        self._say("making keys")
        before = proc.resident_mb_here()
        devices = [Device(number, setting) for number in range(plan.count)]
        async with Turns(site.gateways, plan.channels, library) as turns:
            sampler = Sampler(site, turns, library)
            self._say(f"enrolling {plan.count:,} TVs")
            await self._enrol(site, turns, devices)
            grown = proc.resident_mb_here() - before
            enrolment = sampler.take(0.0, 0)
            samples = await self._live(site, turns, sampler, devices[: plan.devices])
            verdict = await self._settled(site, turns, library, devices)
            tables = sampler.tables()
            sampler.close()
        return Result(
            plan,
            enrolment,
            samples,
            verdict,
            tables,
            grown * 1e6 / plan.count if plan.count >= _ENOUGH else 0.0,
            time.perf_counter() - begun,
        )

    async def _enrol(self, site: FleetSite, turns: Turns, devices: Sequence[Device]) -> None:
        """Registers all with one exchange each, as fast as the servers take them."""
        for first in range(0, len(devices), _ENROLLED_TOGETHER):
            waiting = devices[first : first + _ENROLLED_TOGETHER]
            while waiting:
                now = _moved(site, site.clock.now().timestamp() + _ENROL_SECONDS)
                await self._together(turns, waiting, now, fetches=False)
                left = [device for device in waiting if not device.last_success]
                self._advance((len(waiting) - len(left)) * _ENROL_WORK)
                waiting = left

    async def _live(
        self, site: FleetSite, turns: Turns, sampler: Sampler, devices: Sequence[Device]
    ) -> list[Sample]:
        plan = self._plan
        start = now = site.clock.now().timestamp()
        end = start + plan.hours * HOUR
        for device in devices:
            device.begin(start)
        due = [(device.next_at, device.number) for device in devices]
        heapq.heapify(due)
        marks = _Marks(start, end, plan)
        faults = _Faults(site, turns, devices)
        samples: list[Sample] = []
        self._say(f"{len(devices):,} TVs live")
        while now < end:
            until = min(max(due[0][0], now), marks.next) if due else marks.next
            until = min(until + plan.slice_seconds, marks.next)
            self._advance(until - now)
            now = _moved(site, until)
            turn: list[Device] = []
            while due and due[0][0] <= now:
                turn.append(devices[heapq.heappop(due)[1]])
            await self._together(turns, turn, now)
            for device in turn:
                heapq.heappush(due, (device.next_at, device.number))
            if now >= marks.next:
                for fault, begins in marks.faults(now):
                    faults.apply(fault, begins=begins)
                if marks.sampled(now):
                    on = sum(device.is_on(now) for device in devices)
                    samples.append(sampler.take((now - start) / HOUR, on))
        faults.end_all()
        return samples

    async def _settled(
        self, site: FleetSite, turns: Turns, library: Library, devices: Sequence[Device]
    ) -> Verdict:
        """Lets TVs whose turn failed, or whose push is open, call again; then checks everything."""
        self._say("checking that nothing was lost")
        living = devices[: self._plan.devices]
        for device in living:
            device.skew = 0.0
        for _ in range(_SETTLE_TURNS):
            now = _moved(site, site.clock.now().timestamp() + _SETTLE_SECONDS)
            await self._together(
                turns, [d for d in living if d.failures or d.push is not None], now
            )
        return checks.verdict(site, turns, library, devices)

    async def _together(
        self, turns: Turns, devices: Sequence[Device], now: float, *, fetches: bool = True
    ) -> None:
        """Turns of all these TVs, so many at once."""
        waiting = iter(devices)

        async def work() -> None:
            for device in waiting:
                await turns.turn(device, now, fetches=fetches)

        workers = min(self._plan.together, len(devices))
        await asyncio.gather(*(work() for _ in range(workers)))


def _moved(site: FleetSite, until: float) -> float:
    """Moves virtual time forward to this instant, seconds since 1970."""
    instant = datetime.fromtimestamp(until, UTC)
    site.clock.move_to(max(instant, site.clock.now() + timedelta(microseconds=1)))
    return site.clock.now().timestamp()


class _Marks:
    """Instants between two slices: samples, and begins and ends of faults."""

    def __init__(self, start: float, end: float, plan: Plan) -> None:
        self._step = plan.sample_minutes * 60
        self._end = end
        self._sample = min(start + self._step, end)
        # What ends in an instant ends before anything begins in it.
        edges = [(start + f.at, True, n) for n, f in enumerate(plan.faults)]
        edges += [(start + f.ends, False, n) for n, f in enumerate(plan.faults)]
        self._edges = sorted(edge for edge in edges if edge[0] < end)
        self._plan = plan

    @property
    def next(self) -> float:
        """The next of them."""
        return min(self._sample, self._edges[0][0]) if self._edges else self._sample

    def faults(self, now: float) -> Iterator[tuple[Fault, bool]]:
        """Faults that begin (True) or end by now."""
        while self._edges and self._edges[0][0] <= now:
            _, begins, number = self._edges.pop(0)
            yield self._plan.faults[number], begins

    def sampled(self, now: float) -> bool:
        """Whether a sample is due, which is then planned anew."""
        if now < self._sample:
            return False
        self._sample = min(self._sample + self._step, self._end)
        return True


class _Faults:
    """Begins and ends faults."""

    def __init__(self, site: FleetSite, turns: Turns, devices: Sequence[Device]) -> None:
        self._site = site
        self._turns = turns
        self._devices = devices
        self._open: list[Fault] = []

    def apply(self, fault: Fault, *, begins: bool) -> None:
        """Begins or ends a fault."""
        if begins:
            self._open.append(fault)
        elif fault in self._open:
            self._open.remove(fault)
        concerned = self._devices[: max(round(fault.share * len(self._devices)), 1)]
        match fault.what:
            case What.KILL:
                (self._site.kill if begins else self._site.start)(fault.part)
            case What.PARTITION:
                self._turns.cut_off = fault.share if begins else 0.0
            case What.LOSS:
                self._turns.lost = fault.share if begins else 0.0
            case What.SKEW:
                for device in concerned:
                    device.skew = fault.seconds if begins else 0.0
            case What.POISON:
                for device in concerned:
                    device.poisoned = begins

    def end_all(self) -> None:
        """Ends what has not ended."""
        for fault in list(self._open):
            self.apply(fault, begins=False)
