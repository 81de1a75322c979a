"""The examples, run before real brains; once more with sanitizers."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from omega.brain.v1 import brain_service_pb2 as pb
from omega_client import BrainClient
from omega_core.content import Content
from omega_testing.c_build import ROOT, Built
from omega_testing.processes import ServiceProcess

pytestmark = pytest.mark.timeout(300)  # the first test waits for a build
GUIDE = """<?xml version="1.0" encoding="UTF-8"?>
<tv>
  <channel id="one"><display-name>One</display-name></channel>
  <programme start="20251130200000 +0000" channel="one">
    <title lang="en">Tom &amp; Ann</title>
    <desc>Two people &lt;and&gt; a lake.</desc>
    <date>19990101</date>
    <category>Comedy</category>
    <category>Romance</category>
  </programme>
  <programme start="20251130210000 +0000" channel="one"><title>News</title></programme>
  <programme start="20251130220000 +0000" channel="one"><desc>No title.</desc></programme>
</tv>
"""


@pytest.fixture(params=["plain", "sanitized"])
def programs(request: pytest.FixtureRequest) -> Built:
    name = "built" if request.param == "plain" else "sanitized"
    built: Built = request.getfixturevalue(name)
    return built


def run(program: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, *args], check=False, capture_output=True, text=True, timeout=50)


def test_simple(
    programs: Built, storage: Path, stocked: ServiceProcess, titles: list[Content]
) -> None:
    done = run(programs.program("simple"), str(storage), titles[0].content_id)
    assert done.returncode == 0, done.stderr
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert said["initialized"] == "1"
    assert len(json.loads(said["list"])) == 5
    assert said["observed"] == titles[0].content_id
    assert json.loads(said["stats"])["recommendations_served"] == 1
    assert done.stderr == "omega_sync: -4: no sync server is configured\n"
    stocked.kill()
    done = run(programs.program("simple"), str(storage))
    assert (done.returncode, done.stderr) == (1, "omega_init: -1: the brain is not up\n")


def test_async_tells_again_what_was_not_taken(
    programs: Built, start: Any, stocked: ServiceProcess, target: str, titles: list[Content]
) -> None:
    stocked.kill()
    watched = [title.content_id for title in titles[:3]]
    with subprocess.Popen(
        [programs.program("async"), target, *watched], stdout=subprocess.PIPE, text=True
    ) as program:
        start()
        out, _ = program.communicate(timeout=100)
    assert program.returncode == 0
    taken = [line for line in out.splitlines() if line.endswith(": 0 ")]
    assert taken == [f"{content_id}: 0 " for content_id in watched]
    with BrainClient(target) as client:
        assert client.get_stats().events == 3


def test_epg(programs: Built, start: Any, target: str, tmp_path: Path) -> None:
    start()
    guide = tmp_path / "guide.xml"
    guide.write_text(GUIDE, "utf-8")
    for _ in range(2):
        done = run(programs.program("epg"), target, str(guide))
        assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "2 titles"
    assert {re.sub(r"^[\d.]+ (.*?): .*", r"\1", line) for line in lines[1:]} == {
        "Tom & Ann",
        "News",
    }
    with BrainClient(target) as client:
        answer = client.get_recommendations(pb.GetRecommendationsRequest())
    (film,) = (each for each in answer.recommendations if each.title == "Tom & Ann")
    assert ([*film.genres], film.year) == (["Comedy", "Romance"], 1999)


def test_ui_shows_its_own_list_until_the_brain_answers(
    programs: Built, stocked: ServiceProcess, start: Any, target: str
) -> None:
    stocked.kill()
    with subprocess.Popen(
        [programs.program("ui"), target, "1"], stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "own Channel One: Live\n"
        start()
        while (line := program.stdout.readline()).startswith("own "):
            pass
        assert re.fullmatch(r"list .+: .+\n", line)
        program.terminate()
        assert program.wait(20) == 0


def test_the_unit_of_ui_calls_the_brain_where_its_own_unit_puts_it() -> None:
    unit = (ROOT / "deploy" / "tv" / "omega-ui.service").read_text("utf-8")
    settings = (ROOT / "deploy" / "tv" / "brain.env").read_text("utf-8")
    (target,) = re.findall(r"^ExecStart=\S+ (\S+)$", unit, re.MULTILINE)
    assert f"OMEGA_BRAIN_LISTEN={target}\n" in settings
    brain = (ROOT / "deploy" / "tv" / "omega-brain.service").read_text("utf-8")
    (group,) = re.findall(r"^SupplementaryGroups=(\S+)$", unit, re.MULTILINE)
    assert f"\nGroup={group}\n" in brain
