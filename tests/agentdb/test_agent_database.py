"""The agent database as one: every name it is asked by, over real tables."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from omega_agentdb import (
    AgentDB,
    AgentDBConfig,
    CausalConfig,
    HnswIndex,
    SkillConfig,
    Stores,
    open_index,
)
from omega_core.clock import ManualClock
from omega_core.errors import OmegaError
from omega_core.viewing import ViewingContext, ViewingEvent
from omega_persistence import Database, Events
from omega_persistence.causal import Causal
from omega_persistence.episodes import Episodes
from omega_persistence.skills import Skills
from omega_persistence.vectors import Vectors
from omega_testing.taste_tables import (
    START,
    database_of_titles,
    groups_of_titles,
    titles,
    viewing,
)

VECTORS = groups_of_titles(3, 4)


@pytest.fixture
def database() -> Iterator[Database]:
    with database_of_titles(12) as opened:
        yield opened


def assembled(database: Database, config: AgentDBConfig | None = None) -> AgentDB:
    catalogue = HnswIndex()
    catalogue.add(np.arange(1, 13), VECTORS)
    stores = Stores(
        Skills(database),
        Causal(database),
        Episodes(database, Events(database)),
        Vectors(database),
    )
    return AgentDB(catalogue, titles(VECTORS), stores, ManualClock(START), config)


@pytest.fixture
def agentdb(database: Database) -> AgentDB:
    return assembled(database)


def learn_all(agentdb: AgentDB) -> None:
    viewings = [
        viewing(
            seq,
            1 + seq % 12,
            hours=seq / 10,
            success=seq % 12 < 8,
            genres=(("Crime", "Comedy", "War")[seq % 12 // 4],),
        )
        for seq in range(1, 60)
    ]
    for learner in (agentdb.skills, agentdb.causal):
        while not learner.learn(viewings).finished:
            pass


def test_patterns_go_by_every_name(agentdb: AgentDB) -> None:
    learn_all(agentdb)
    listed = agentdb.skill_list("")
    assert agentdb.skill_list() == listed
    assert [skill.name for skill in listed] == [
        "Crime films in the evening",
        "Comedies in the evening",
        "War films in the evening",
    ]
    assert agentdb.skill_search("COMED") == [listed[1]]
    assert agentdb.skill_search("evening", 2) == [listed[1], listed[0]]
    assert agentdb.skill_search("western") == []
    found = agentdb.skill_search_by_embedding(VECTORS[9] * 3, 2)
    assert found[0].skill == listed[2]
    assert found[0].similarity > 0.5 > found[1].similarity
    owner = agentdb.pattern_of(5)
    assert owner == listed[1]
    made = agentdb.skill_create("Mine", VECTORS[0])
    stored = agentdb.skill_store("Also mine", VECTORS[1], profile_id="ann")
    assert (made, stored) == (4, 5)
    updated = agentdb.skill_update_stats(5, viewing(0, 2, profile_id="ann"))
    assert (updated.skill_id, updated.sample_count, updated.success_rate) == (5, 1, 1)
    with pytest.raises(OmegaError, match="skill_id"):
        agentdb.skill_update_stats(4, viewing(0, 3, profile_id="ann"))


def test_causes_go_by_every_name(agentdb: AgentDB) -> None:
    for night in range(20):
        agentdb.causal_record("rain", "genre:Drama", happened=night % 5 > 0)
        agentdb.causal_add_edge("sun", "genre:Drama", happened=night % 5 == 0)
    agentdb.causal_record("genre:Drama", "genre:Comedy", profile_id="ann")
    (best, worst) = agentdb.causal_causes("genre:Drama")
    assert (best.cause, worst.cause) == ("rain", "sun")
    assert best.uplift.value == pytest.approx(0.3)
    assert agentdb.causal_effects("rain", only_sure=True) == [best]
    assert agentdb.causal_effects("rain", profile_id="ann") == []
    path = agentdb.causal_path("rain", "genre:Drama")
    assert path is not None
    assert path.facets == ("rain", "genre:Drama")
    assert path.worth == pytest.approx(0.8)
    with pytest.raises(OmegaError, match="cause"):
        agentdb.causal_record("", "genre:Drama")


def test_episodes_and_vectors_go_by_every_name(agentdb: AgentDB) -> None:
    event = ViewingEvent("e1", "c3", 0.9, 0.5, START, session_id="tonight")
    assert agentdb.reflexion_store(event)
    (recalled,) = agentdb.reflexion_retrieve(VECTORS[0], 5, success=True)
    assert recalled.episode.episode_id == "e1"
    assert agentdb.reflexion_by_session("tonight") == [recalled.episode]
    assert agentdb.reflexion_analyze().count == 1
    vector_id = agentdb.vector_store(VECTORS[2], {"note": "mine"})
    (found,) = agentdb.vector_search(VECTORS[2], 3)
    assert (found.vector_id, found.metadata) == (vector_id, {"note": "mine"})
    assert agentdb.vector_get(vector_id) is not None
    assert agentdb.vector_delete(vector_id)
    assert agentdb.vector_search(VECTORS[2], 3) == []


def test_it_tells_how_much_it_holds_and_forgets_it(agentdb: AgentDB, database: Database) -> None:
    learn_all(agentdb)
    agentdb.vector_store(VECTORS[0])
    agentdb.reflexion_store(ViewingEvent("e1", "c3", 0.9, 0.5, START))
    agentdb.catalogue.remove(np.array([12]))
    stats = agentdb.stats()
    assert (stats.catalogue_vectors, stats.dead_vectors, stats.vectors) == (11, 1, 1)
    assert (stats.episodes, stats.skills, stats.members) == (1, 3, 12)
    assert stats.causal_edges == Causal(database).count() > 10
    while not agentdb.compact():
        pass
    assert agentdb.stats().dead_vectors == 0
    learnt = agentdb.skills.learnt_seq()
    assert agentdb.clear("ann") == {"patterns": 0, "edges": 0}
    assert agentdb.clear() == {"patterns": 3, "edges": stats.causal_edges, "vectors": 1}
    empty = agentdb.stats()
    assert (empty.skills, empty.members, empty.causal_edges, empty.vectors) == (0, 0, 0, 0)
    assert (empty.episodes, empty.catalogue_vectors) == (1, 11)
    learn_all(agentdb)  # what was forgotten is not learnt again
    assert (agentdb.stats().skills, agentdb.skills.learnt_seq()) == (0, learnt)


def test_patterns_and_edges_stay_within_their_bound(database: Database) -> None:
    agentdb = assembled(database, AgentDBConfig(max_patterns=16))
    learn_all(agentdb)
    held = agentdb.stats()
    assert held.skills + held.causal_edges > 16
    gone = agentdb.keep_within_bounds(START)
    left = agentdb.stats()
    assert left.skills + left.causal_edges == 16
    assert sum(gone.values()) == held.skills + held.causal_edges - 16
    for row in np.repeat(VECTORS, 2, axis=0):
        agentdb.vector_store(row)
    assert agentdb.stats().vectors == 16


def test_settings_out_of_bounds_are_refused_by_name() -> None:
    cases: list[tuple[type, dict[str, object], str]] = [
        (AgentDBConfig, {"max_patterns": 15}, "max_patterns"),
        (SkillConfig, {"join_above": 1.1}, "join_above"),
        (SkillConfig, {"merge_above": 0.05}, "merge_above"),
        (SkillConfig, {"least_half": 1}, "least_half"),
        (SkillConfig, {"half_life": START - START}, "half_life"),
        (CausalConfig, {"level": 1.0}, "level"),
        (CausalConfig, {"within": START - START}, "within"),
    ]
    for config, changes, field in cases:
        with pytest.raises(OmegaError) as refused:
            config(**changes)
        assert refused.value.field == field
    assert AgentDBConfig().max_patterns == 10_000


def test_the_index_is_made_with_the_parameters_it_is_given() -> None:
    index = open_index(384, m=17, ef_construction=111, ef=77)
    assert isinstance(index, HnswIndex)
    assert (index.m, index.ef_construction, index.ef) == (17, 111, 77)
    links = index._graph._links
    assert (links.M, links.ef_construction, links.ef) == (17, 111, 77)


def test_names_say_what_is_watched_and_when(agentdb: AgentDB) -> None:
    plan = [
        (1, ("Romance", "Comedy"), ViewingContext(1, 2), "Romantic comedies in the morning"),
        (5, ("Crime", "Horror"), ViewingContext(0, 2), "Crime and horror films at the weekend"),
        (9, (), ViewingContext(), "Mixed films"),
    ]
    for seq, (rowid, genres, context, _) in enumerate(plan, 1):
        agentdb.skills.learn([viewing(seq, rowid, genres=genres, context=context)])
    assert [skill.name for skill in agentdb.skill_list("")] == [name for *_, name in plan]
