"""What the two streaming calls do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from omega.brain.v1 import brain_service_pb2 as pb
from omega_brain import wire
from omega_brain.answers import RecommendQuery
from omega_brain.brain import Brain
from omega_core.errors import ErrorCode, OmegaError
from omega_core.viewing import ViewingEvent
from omega_delta import event_from_proto
from omega_persistence.events import Recorded

_LOOK_SECONDS = 0.5
"""How soon a watcher that has gone frees its thread."""
_TOGETHER = 256
"""Events stored in one transaction."""
_MOST_REFUSALS = 100
_REFUSALS = {
    Recorded.UNKNOWN_CONTENT: (ErrorCode.UNKNOWN_CONTENT, "content_id"),
    Recorded.UNKNOWN_PROFILE: (ErrorCode.UNKNOWN_PROFILE, "profile_id"),
}


def watch(
    brain: Brain, query: RecommendQuery, least_seconds: float, is_active: Callable[[], bool]
) -> Iterator[pb.WatchRecommendationsResponse]:
    """The list, and again whenever its titles or their order have changed.

    Args:
        brain: who answers.
        query: a list of its own.
        least_seconds: between two lists.
        is_active: whether somebody still listens.

    Raises:
        OmegaError: as `Brain.recommend`.
    """
    changes, number, last, looked_at = brain.changes, 0, None, -1
    while is_active() and not changes.closed:
        count = changes.wait_beyond(looked_at, _LOOK_SECONDS)
        if count == looked_at:
            continue
        looked_at = count
        answer = brain.recommend(query)
        if answer.content_ids == last:
            continue
        last, number = answer.content_ids, number + 1
        yield pb.WatchRecommendationsResponse(
            list=wire.recommendations(answer, brain.model_version, 0), number=number
        )
        rested = 0.0
        while rested < least_seconds and is_active() and not changes.closed:
            rested += changes.rest(min(least_seconds - rested, _LOOK_SECONDS))


@dataclass
class _Tally:
    """What became of a stream of events."""

    recorded: int = 0
    duplicates: int = 0
    refused: int = 0
    refusals: list[pb.RefusedEvent] = field(default_factory=list)

    def refuse(self, position: int, event_id: str, error: OmegaError) -> None:
        self.refused += 1
        if len(self.refusals) < _MOST_REFUSALS:
            self.refusals.append(
                pb.RefusedEvent(
                    position=position,
                    event_id=event_id[:64],
                    reason=error.code,
                    field=error.field,
                    text=error.public_text,
                )
            )


def observe(brain: Brain, requests: Iterable[pb.ObserveEventRequest]) -> pb.ObserveEventsResponse:
    """Stores a stream of events; those that are refused are named.

    Raises:
        OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE: earlier ones are durable.
    """
    tally = _Tally()
    numbered = enumerate(requests)
    while together := list(islice(numbered, _TOGETHER)):
        events: list[tuple[int, ViewingEvent]] = []
        for position, request in together:
            try:
                events.append((position, event_from_proto(request, brain.clock.now())))
            except OmegaError as error:
                tally.refuse(position, request.event_id, error)
        outcomes = brain.observe_all([event for _, event in events])
        for (position, event), outcome in zip(events, outcomes, strict=True):
            if outcome is Recorded.NEW:
                tally.recorded += 1
            elif outcome is Recorded.DUPLICATE:
                tally.duplicates += 1
            else:
                code, named = _REFUSALS[outcome]
                tally.refuse(position, event.event_id, OmegaError(code, field=named))
    return pb.ObserveEventsResponse(
        recorded=tally.recorded,
        duplicates=tally.duplicates,
        refused=tally.refused,
        refusals=tally.refusals,
    )
