"""Runs every query of dashboards and rules against a real Prometheus that scrapes a real fleet.

Usage: dashboards_proof.py [--seconds N]. Starts Postgres, constellation, sync, federation worker
and a brain, drives exchanges, lists and rounds, and asks: is every query taken, and does every one
find series? What rightly finds none stands in EMPTY with its reason. promtool checks the rules
and runs the alerts' own tests.
"""

from __future__ import annotations

import argparse
import math
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from dashboards import promql, queries
from dashboards.queries import RULES, Asked
from fleet_traffic import Traffic
from prometheus_run import Prometheus, Target

from omega_cli.demo.cluster import Cluster

ROOT = Path(__file__).resolve().parents[1]
ALERTS = sorted((ROOT / "tests" / "dashboards").glob("alerts*.yaml"))
METRICS = {"OMEGA_METRICS_LISTEN": "127.0.0.1:0"}
_WINDOW = "20s"
_NO_FAILURE = "nothing failed"
_NO_CYCLE = "the shortest of the periodic loops comes round each half hour"
EMPTY = {
    "rules: omega:exchanges_failed:total": _NO_FAILURE,
    "sync: Calls of gateways that fail": _NO_FAILURE,
    "brain: Runs that failed": _NO_FAILURE,
    "brain: Circuit breakers that are not closed": "no breaker moved",
    "brain: Memories that left for good": "no tier is full within a minute",
    "brain: Time of loops": _NO_CYCLE,
    "brain: Taste patterns": _NO_CYCLE,
    "marks of Alerts": "no alert fires",
    "rules: OmegaRoundsFailing": _NO_FAILURE,
}
"""Queries that find nothing in a healthy fleet that is a minute old, and why."""
YOUNG = " offset 1d"
"""In a query that compares with yesterday."""


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=30, help="of traffic (default 30)")
    arguments = parser.parse_args()
    if not _tool():
        return 1
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="omega-proof-")))
        cluster = stack.enter_context(Cluster("lexical", METRICS))
        traffic = stack.enter_context(Traffic(cluster))
        server = stack.enter_context(Prometheus(folder, _targets(cluster, traffic)))
        traffic.run(arguments.seconds)
        faults = [*_faults(server)]
    for fault in faults:
        print(f"FAULT {fault}")
    return 1 if faults else 0


def _tool() -> bool:
    """Whether promtool finds config and rules well, and every alert does as its tests say."""
    promtool = shutil.which("promtool") or "promtool"
    for arguments in (("check", "rules", str(RULES)), ("test", "rules", *map(str, ALERTS))):
        done = subprocess.run(
            [promtool, *arguments], capture_output=True, text=True, check=False, cwd=ROOT
        )
        said = (done.stdout + done.stderr).replace(f"{ROOT}/", "")
        print(f"promtool {' '.join(arguments[:2])}\n{said.strip()}")
        if done.returncode:
            return False
    return True


def _targets(cluster: Cluster, traffic: Traffic) -> list[Target]:
    """Everything that was started, with the labels that pods would have."""
    region = {"region": "eu"}
    return [
        Target(process.addresses["metrics_listen"], service, labels)
        for process, service, labels in (
            (cluster.sync, "sync", region),
            (cluster.constellation, "constellation", {**region, "shard": "eu-1"}),
            (cluster.worker, "federation-worker", region),
            (traffic.brain, "brain", region),
        )
    ]


def _faults(server: Prometheus) -> Iterator[str]:
    """What is wrong with any query, look-up or rule; prints what was asked."""
    asked = [*queries.of_dashboards(_WINDOW)]
    for query in asked:
        yield from _judged(server, query)
    print(f"{len(asked)} queries of {len(queries.dashboards())} dashboards asked")
    look_ups = [*queries.look_ups()]
    for look_up in look_ups:
        if not server.values(look_up.label, look_up.series):
            yield f"{look_up.where}: no values of {look_up.label}"
    print(f"{len(look_ups)} look-ups of choices asked")
    yield from _rule_faults(server)


def _rule_faults(server: Prometheus) -> Iterator[str]:
    """A healthy fleet fires no alert, so what alerts read is asked for instead, each by itself."""
    alerts = {rule["alert"] for rule in queries.rules() if "alert" in rule}
    for query in queries.of_rules():
        name = query.where.removeprefix("rules: ")
        if name not in alerts:
            yield from _judged(server, query)
            continue
        if server.query(query.expr) and YOUNG not in query.expr:
            yield f"{query.where} would fire on a healthy fleet"
        for use in promql.uses(query.expr):
            if use.metric != "omega:exchanges_failed:total" and YOUNG not in use.selector:
                yield from _judged(server, Asked(f"{query.where}: {use.selector}", use.selector))
    states = server.rules()
    print(f"{len(states)} rules evaluated")
    for rule in states:
        if rule["health"] != "ok":
            yield f"rules: {rule['name']}: {rule.get('lastError', rule['health'])}"


def _judged(server: Prometheus, query: Asked) -> Iterator[str]:
    reason = next((EMPTY[where] for where in EMPTY if where in query.where), "")
    if YOUNG in query.expr:
        reason = "the fleet is younger than a day"
    try:
        found = server.query(query.expr)
    except ValueError as error:
        yield f"{query.where}: {error}: {query.expr}"
        return
    told = [value for value in found if not math.isnan(value)]
    if told and reason:
        print(f"found all the same ({reason}): {query.where}")
    elif not told and not reason:
        yield f"{query.where}: {'only NaN' if found else 'no series'}: {query.expr}"


if __name__ == "__main__":
    sys.exit(main())
