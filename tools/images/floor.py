"""What the brain asks of another processor: instructions of each thing that it does, counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from images.emulate import Emulated
from images.engine import Engine, EngineError
from images.make import ROOT, version
from images.plan import HOST, IMAGES

from omega.brain.v1 import brain_service_pb2 as pb
from omega_client import BrainClient
from omega_delta import content_to_proto, event_to_proto
from omega_eval.sample import load_sample
from omega_eval.synthetic import synthetic_households

_TITLES, _LISTS = 40, 10
_SAMPLE = ROOT / "data" / "sample" / "titles.jsonl"


@dataclass(frozen=True)
class Floor:
    """The brain of one image under qemu."""

    arch: str
    """Its processor."""
    model: str
    """The encoder that it serves with."""
    seconds: float
    """Until it served, emulated."""
    instructions: Mapping[str, float]
    """What it executed for each thing that it did, once."""


def floors(engine: Engine, say: Callable[[str], None]) -> list[Floor]:
    """The brain of each processor, this machine's first, from the images that are there.

    Raises:
        EngineError: an image is not there, cannot be emulated here, or does not serve.
    """
    image, found = IMAGES["brain"], []
    for arch in sorted(image.arches, key=lambda name: name != HOST.name):
        reference = image.reference(version(), arch)
        if not engine.has(reference):
            raise EngineError(f"no image {reference} is here: make images")
        say(f"emulating {reference}")
        with engine.exported(reference) as archive:
            found.append(counted(arch, archive))
    return found


def counted(arch: str, archive: Path) -> Floor:
    """Starts the brain of an image under qemu, shows it titles and events, asks it for lists.

    Args:
        arch: processor of a brain's image.
        archive: its files, as its engine exported them.

    Raises:
        EngineError: it cannot be emulated here, or does not serve.
        ServiceError: it refused.
        ValueError: it has no list.
    """
    contents = load_sample(_SAMPLE)[:_TITLES]
    events = synthetic_households(contents, 1, seed=5)[0].events
    with Emulated(arch, archive) as tv, BrainClient(tv.address, timeout=300) as brain:
        found = {"from start to serving": float(tv.instructions())}

        def count(what: str, times: int, do: Callable[[], object]) -> None:
            before = tv.instructions()
            do()
            found[what] = (tv.instructions() - before) / times

        titles = pb.UpsertContentsRequest(contents=map(content_to_proto, contents))
        count("a title taken in", len(contents), lambda: brain.upsert_contents(titles))
        watched = [event_to_proto(event) for event in events]
        count("an event observed", len(watched), lambda: list(map(brain.observe_event, watched)))
        count("a list of 10", _LISTS, lambda: _ask(brain))
        return Floor(arch, tv.model, tv.seconds, found)


def table(found: list[Floor]) -> str:
    """Millions of instructions, and how many times those of the first processor."""
    first, *others = found
    rows = ["millions of instructions".ljust(26) + "".join(f"{each.arch:>12}" for each in found)]
    for what, own in first.instructions.items():
        row = f"{what:<26}{own / 1e6:>12,.2f}"
        for each in others:
            number = each.instructions[what]
            row += f"{number / 1e6:>12,.2f}  {number / own:.2f} x"
        rows.append(row)
    return "\n".join(rows)


def _ask(brain: BrainClient) -> None:
    for _ in range(_LISTS):
        listed = brain.get_recommendations(pb.GetRecommendationsRequest(limit=10))
        if not listed.recommendations:
            raise ValueError("an emulated brain gave an empty list")
