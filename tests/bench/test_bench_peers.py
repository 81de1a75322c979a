"""The peers' process: what it chooses, what it says, and how it ends when one is missing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from omega_cli.bench.peers import Peers, PeersError
from omega_cli.bench.search import compare
from omega_cli.main import main
from omega_core.vectors import FloatArray

SCRIPT = Path(__file__).resolve().parents[2] / "bench" / "peers.py"
# The script with two peers that need nothing: one compares all, the other all but each fifth.
EXACT = f"""
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np

spec = spec_from_file_location("peers", {str(SCRIPT)!r})
peers = sys.modules["peers"] = module_from_spec(spec)
spec.loader.exec_module(peers)

def searching(step):
    def candidates(directory, vectors):
        left = [i for i in range(len(vectors)) if not step or i % step]
        def search(query):
            order = np.argsort(-(vectors[left] @ query))[: peers.K]
            return [left[i] for i in order]
        yield peers.Candidate(f"{{directory.name}}, step {{step}}", search)
    return candidates

peers.PEERS = {{"All": ("numpy", searching(0)), "Most": ("psutil", searching(5))}}
sys.exit(peers.main(sys.argv[1:]))
"""
Rows = Callable[[int, int], FloatArray]
Root = Callable[[str], Path]


def test_searches_of_peers_and_ours_are_compared_in_the_same_run(rows: Rows, root: Root) -> None:
    vectors, queries = rows(600, 0), rows(12, 1)
    with Peers(root(EXACT), vectors, queries) as peers:
        assert {name: peer.name for name, peer in peers.peers.items()} == {
            "All": f"All {version('numpy')}, numpy, step 0",
            "Most": f"Most {version('psutil')}, psutil, step 5",
        }
        found = compare(vectors, queries, peers, 2)
    p50, recall, speedup = (
        found[f"search_{name}"] for name in ("p50_ms", "recall_at_50", "speedup_vs_best_peer")
    )
    everything, most = (peer.name for peer in peers.peers.values())
    assert recall.value == 1.0  # ours compares so few one by one
    assert recall.beside[everything] == 1.0
    assert 0.7 < recall.beside[most] < 0.9
    assert p50.beside.keys() == {"exact numpy", everything, most}
    assert speedup.beside == {
        name: pytest.approx(p50.beside[name] / p50.value) for name in (everything, most)
    }
    assert speedup.value == min(speedup.beside.values())


def test_without_the_environment_the_command_says_how_to_make_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = tmp_path / "data" / "sample" / "titles.jsonl"
    sample.parent.mkdir(parents=True)
    sample.touch()
    monkeypatch.chdir(tmp_path)
    assert main(["bench", "brain", "--json"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[-1] == (
        "omega: the benchmark needs its peers, and .venv-bench is missing: `make bench-setup`"
    )


def test_an_environment_without_a_peer_says_which_and_how_to_get_it(rows: Rows, root: Root) -> None:
    with pytest.raises(PeersError, match=r"Chroma \(.*chromadb.*\) is missing: `make bench-setup`"):
        Peers(root(SCRIPT.read_text("utf-8")), rows(60, 0), rows(2, 1))


@pytest.mark.parametrize(
    "source",
    ["raise ValueError('broken')", "print('{}', flush=True); raise ValueError('broken')"],
)
def test_a_process_that_fails_says_why(rows: Rows, root: Root, source: str) -> None:
    def use() -> None:
        with Peers(root(source), rows(60, 0), rows(2, 1)) as peers:
            peers.run()

    with pytest.raises(PeersError, match=r"(?s)ended with 1.*ValueError: broken"):
        use()


def test_the_true_neighbours_are_the_nearest(script: ModuleType, rows: Rows) -> None:
    vectors, queries = rows(200, 2), rows(5, 3)
    ranked = np.argsort(-(queries @ vectors.T), axis=1)
    assert script.neighbours(vectors, queries) == [set(row[:50].tolist()) for row in ranked]


def test_recall_is_the_share_that_is_found(script: ModuleType, rows: Rows) -> None:
    queries = rows(4, 4)
    true = [set(range(50))] * 4
    assert script.recall(lambda _: range(50), queries, true) == 1
    assert script.recall(lambda _: range(25, 75), queries, true) == 0.5
    assert script.recall(lambda _: (), queries, true) == 0


@pytest.mark.parametrize(
    ("found", "chosen"),
    [
        ({"slow": 50, "fast": 49, "poor": 10}, "fast"),
        ({"slow": 50, "fast": 48, "poor": 10}, "slow"),
        ({"slow": 40, "fast": 30, "poor": 10}, "slow"),
    ],
)
def test_a_peer_is_taken_at_its_fastest_that_finds_enough(
    script: ModuleType, rows: Rows, found: dict[str, int], chosen: str
) -> None:
    def candidates() -> Iterator[Any]:
        for name, count in found.items():

            def search(_: FloatArray, name: str = name, count: int = count) -> range:
                time.sleep(0.02 if name == "slow" else 0)
                return range(count)

            yield script.Candidate(name, search)

    peer = script.choose("Peer", "1", candidates(), rows(3, 5), [set(range(50))] * 3)
    assert (peer.settings, peer.recall) == (chosen, pytest.approx(found[chosen] / 50))
