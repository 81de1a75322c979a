"""omega_init() and what follows it, before real brains."""

from __future__ import annotations

import json as texts
import re
import threading
import tomllib
from pathlib import Path
from typing import Any

import pytest

from omega_core.content import Content
from omega_testing.c_build import HEADER, ROOT, example
from omega_testing.c_library import Json
from omega_testing.processes import ServiceProcess

pytestmark = pytest.mark.timeout(300)  # the first test waits for a build
EVENT = '{"content_id": "movie:unknown", "watch_percentage": 0.5}'


def documented(name: str) -> Any:
    """An example of the header."""
    return texts.loads(example(name))


def begin(json: Json, storage: Path, url: str | None = None) -> int:
    return int(json.c.omega_init(str(storage).encode(), url.encode() if url else None))


def test_before_omega_init_every_function_says_so(json: Json) -> None:
    functions = json.c
    assert functions.omega_is_initialized() == 0
    codes = [json.recommend("{}"), json.stats(), (json.observe(EVENT), "")]
    codes += [(f(), "") for f in (functions.omega_sync, functions.omega_clear_data)]
    assert codes == [(-8, "")] * 5
    assert functions.omega_shutdown() == -8
    assert "omega_init" in json.last_error()
    with (ROOT / "libs/omega_core/pyproject.toml").open("rb") as file:
        assert functions.omega_version().decode() == tomllib.load(file)["project"]["version"]


def test_init_says_why_it_did_not_come_about(json: Json, storage: Path) -> None:
    assert json.c.omega_init(None, None) == -5
    assert begin(json, Path("relative")) == -5
    assert begin(json, Path("/" + "a" * 108)) == -5
    assert begin(json, Path("/" + "a" * 400)) == -5
    assert begin(json, storage) == -1
    assert json.last_error() == "the brain is not up"
    assert json.c.omega_is_initialized() == 0


def test_the_url_has_to_be_the_brains(json: Json, start: Any, storage: Path) -> None:
    start(OMEGA_BRAIN_CONSTELLATION_URL="http://127.0.0.1:9", OMEGA_BRAIN_SYNC_INTERVAL_SECS="0")
    assert begin(json, storage, "http://127.0.0.1:90") == -5
    assert begin(json, storage, "http://127.0.0.1:9/") == 0
    assert begin(json, storage) == -9
    assert json.c.omega_is_initialized() == 1
    assert json.c.omega_shutdown() == 0
    assert json.c.omega_is_initialized() == 0
    assert begin(json, storage) == 0


@pytest.mark.usefixtures("stocked")
def test_one_of_many_threads_initialises(json: Json, storage: Path) -> None:
    codes: list[int] = []
    threads = [
        threading.Thread(target=lambda: codes.append(begin(json, storage))) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [-9] * 19 + [0]


@pytest.mark.usefixtures("stocked")
def test_the_documented_examples_hold(json: Json, storage: Path, titles: list[Content]) -> None:
    assert begin(json, storage) == 0
    named = re.findall(r"@code\{\.json (\w+)\}", HEADER.read_text("utf-8"))
    assert named == ["context", "list", "event", "stats"]
    context, event = documented("context"), documented("event")
    assert json.recommend(texts.dumps(context))[0] == 0
    event["content_id"] = titles[0].content_id
    assert json.observe(texts.dumps(event)) == 0
    code, text = json.recommend(texts.dumps({"limit": 5}))
    found = texts.loads(text)
    assert (code, len(found)) == (0, 5)
    assert [*found[0]] == [*documented("list")[0]]
    assert all(type(row[key]) is type(documented("list")[0][key]) for row in found for key in row)
    assert all(row["score"] == row["confidence"] for row in found)
    assert event["content_id"] not in {row["content_id"] for row in found}
    code, text = json.stats()
    assert (code, [*texts.loads(text)]) == (0, [*documented("stats")])
    assert texts.loads(text)["recommendations_served"] == 2


@pytest.mark.usefixtures("stocked")
def test_what_is_on_is_not_in_the_list(json: Json, storage: Path) -> None:
    assert begin(json, storage) == 0
    first = texts.loads(json.recommend(None)[1])
    on = first[0]["content_id"]
    rest = texts.loads(json.recommend(texts.dumps({"current_content": on}))[1])
    assert len(first) == len(rest) == 20
    assert on not in {row["content_id"] for row in rest}


BAD_CONTEXTS = {
    "[]": -6,
    "{": -6,
    '{"limit": }': -6,
    '{"limit": 1,}': -6,
    '{"limit": 01}': -6,
    '{"limit": 1.}': -6,
    '{"limit": 1} x': -6,
    '{"limit": "1"}': -6,
    '{"genre": 1}': -6,
    '{"genre": "\\ud800"}': -6,
    '{"genre": "\\u0000"}': -6,
    '{"genre": "a\nb"}': -6,
    '{"x": ' + "[" * 20 + "]" * 20 + "}": -6,
    '{"limit": 0}': -5,
    '{"limit": 101}': -5,
    '{"limit": 1e999}': -5,
    texts.dumps({"genre": "a" * 2_000}): -5,
    texts.dumps({"genre": "a" * 257}): -5,
    '{"user_profile": "nobody"}': -5,
}


@pytest.mark.usefixtures("stocked")
def test_bad_contexts_are_refused(json: Json, storage: Path) -> None:
    assert begin(json, storage) == 0
    found = {context: json.recommend(context) for context in BAD_CONTEXTS}
    assert found == {context: (code, "") for context, code in BAD_CONTEXTS.items()}


@pytest.mark.usefixtures("stocked")
def test_odd_contexts_are_taken(json: Json, storage: Path) -> None:
    assert begin(json, storage) == 0
    for context in (
        "",
        " {} ",
        '{"limit": null, "x": [1, {"y": "\\u00e9\\ud83d\\ude00"}, true, -0.5e-3]}',
        '{"limit": 1.0e1, "time": "23:59", "device": "watch"}',
        '{"genre": "\\u0043omedy", "l\\u0069mit": 3}',
    ):
        assert json.recommend(context)[0] == 0, context


@pytest.mark.usefixtures("stocked")
def test_bad_events_are_refused(json: Json, storage: Path, titles: list[Content]) -> None:
    assert begin(json, storage) == 0
    known = {"content_id": titles[0].content_id, "watch_percentage": 0.5}
    bad: dict[str, int] = {
        "": -6,
        "{}": -5,
        '{"watch_percentage": 0.5}': -5,
        texts.dumps({"content_id": titles[0].content_id}): -5,
        EVENT: -5,
        texts.dumps(known | {"watch_percentage": "0.5"}): -6,
        texts.dumps(known | {"watch_percentage": 1.01}): -5,
        texts.dumps(known | {"user_rating": 5.1}): -5,
        texts.dumps(known | {"duration_seconds": -1}): -5,
        texts.dumps(known | {"timestamp": "yesterday"}): -5,
        texts.dumps(known | {"timestamp": "2025-02-29T00:00:00Z"}): -5,
        texts.dumps(known | {"timestamp": "1999-12-31T23:59:59Z"}): -5,
        texts.dumps(known | {"event_id": "a b"}): -5,
    }
    assert {event: json.observe(event) for event in bad} == bad
    assert json.c.omega_observe(None) == -5


@pytest.mark.usefixtures("stocked")
def test_a_buffer_is_too_small_by_a_byte_or_not_at_all(json: Json, storage: Path) -> None:
    assert begin(json, storage) == 0
    context = '{"limit": 3}'
    needed = len(json.recommend(context)[1].encode()) + 1
    assert json.recommend(context, needed - 1) == (-7, "")
    assert int(json.last_error().split()[0]) == needed
    assert json.recommend(context, needed)[0] == 0
    assert json.recommend(context, 1) == (-7, "")
    assert json.stats(8) == (-7, "")
    assert json.c.omega_recommend(b"{}", None, 100) == -5
    assert json.c.omega_get_stats(None, 100) == -5


@pytest.mark.usefixtures("stocked")
def test_errors_are_kept_a_thread(json: Json, storage: Path) -> None:
    assert begin(json, storage) == 0
    assert json.c.omega_sync() == -4
    said = []
    thread = threading.Thread(target=lambda: said.append(json.last_error()))
    thread.start()
    thread.join()
    assert said == [""]
    assert json.last_error() == "no sync server is configured"


@pytest.mark.usefixtures("stocked")
def test_clearing_leaves_the_titles(json: Json, storage: Path, titles: list[Content]) -> None:
    assert begin(json, storage) == 0
    watched = {"content_id": titles[0].content_id, "watch_percentage": 1}
    assert json.observe(texts.dumps(watched)) == 0
    assert json.c.omega_clear_data() == 0
    found = {row["content_id"] for row in texts.loads(json.recommend('{"limit": 100}')[1])}
    assert found == {title.content_id for title in titles}


def test_a_brain_that_comes_back_is_found_again(
    json: Json, stocked: ServiceProcess, start: Any, storage: Path, titles: list[Content]
) -> None:
    assert begin(json, storage) == 0
    watched = texts.dumps({"content_id": titles[0].content_id, "watch_percentage": 1})
    stocked.kill()
    assert json.recommend("{}") == (-2, "")
    assert json.observe(watched) == -3
    assert json.c.omega_sync() == -4
    assert json.c.omega_clear_data() == -10
    assert json.stats() == (-10, "")
    start()
    assert json.recommend("{}")[0] == 0
    assert json.observe(watched) == 0
