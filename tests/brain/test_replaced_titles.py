"""A title that is stored again keeps what hangs on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_core.content import Content
from omega_core.memory import MemoryQuery, Tier
from omega_core.viewing import ViewingEvent


def test_a_title_that_is_stored_again_keeps_its_viewings(
    config: BrainConfig, titles: list[Content], viewing: Callable[..., ViewingEvent]
) -> None:
    brain = Brain(config)
    brain.upsert(titles)
    for title in titles[:3]:
        brain.observe(viewing(title.content_id))
    told_anew = replace(titles[0], description="Another story altogether.")
    assert brain.upsert([told_anew]).updated == 1
    brain.close()
    brain = Brain(config)
    stored = [entry.event.content_id for entry in brain.stores.events.all_events()]
    assert stored == [title.content_id for title in titles[:3]]
    query = MemoryQuery(tiers=(Tier.EPISODIC,), limit=1, min_similarity=-1.0)
    (recalled,) = brain.remember(query, told_anew.description)
    assert recalled.memory.content_id == told_anew.content_id
    assert brain.likes == 3
    brain.close()
