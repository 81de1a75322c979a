"""What keeps a TV answering while parts of it fail: health, breakers, modes, ladders and events.

A service watches its parts with a `HealthMonitor`, calls each through a `GuardedPart`, answers by
a `Ladder` of ways and tells what happened on an `EventBus`. The types of events are in
`omega_runtime.event_types`.
"""

from omega_runtime.breaker import (
    BreakerConfig,
    CircuitBreaker,
    CircuitOpen,
    Outcome,
    Permit,
    State,
    every_exception,
)
from omega_runtime.elapsed import Deadline, Elapsed
from omega_runtime.events import (
    Event,
    EventBus,
    EventBusConfig,
    Publish,
    Published,
    Subscription,
    unheard,
)
from omega_runtime.guard import GuardedPart
from omega_runtime.health import (
    Health,
    HealthConfig,
    HealthMonitor,
    PartHealth,
    Status,
    Watched,
)
from omega_runtime.ladder import Answer, Fall, Ladder, LadderConfig, NoAnswer, Way, Why
from omega_runtime.modes import (
    ALLOWANCES,
    WATCHED,
    Allowance,
    Mode,
    Part,
    mode_of,
    working_parts,
)

__all__ = [
    "ALLOWANCES",
    "WATCHED",
    "Allowance",
    "Answer",
    "BreakerConfig",
    "CircuitBreaker",
    "CircuitOpen",
    "Deadline",
    "Elapsed",
    "Event",
    "EventBus",
    "EventBusConfig",
    "Fall",
    "GuardedPart",
    "Health",
    "HealthConfig",
    "HealthMonitor",
    "Ladder",
    "LadderConfig",
    "Mode",
    "NoAnswer",
    "Outcome",
    "Part",
    "PartHealth",
    "Permit",
    "Publish",
    "Published",
    "State",
    "Status",
    "Subscription",
    "Watched",
    "Way",
    "Why",
    "every_exception",
    "mode_of",
    "unheard",
    "working_parts",
]
