from __future__ import annotations

import json
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from omega_rpc.channel import connect
from omega_testing.probe import ProbeClient, await_health
from omega_testing.small_service import environment, run, written


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return written(tmp_path)


@pytest.mark.parametrize(
    ("flag", "status", "output"),
    [
        ("--version", 0, version("omega-rpc") + "\n"),
        ("--check-config", 0, ""),
        ("--greet", 3, "hello\n"),
        ("--a-tool", 0, "a tool\n"),
    ],
)
def test_a_flag_does_one_thing_and_exits(
    program: Path, flag: str, status: int, output: str
) -> None:
    done = run(program, flag)
    assert (done.returncode, done.stdout, done.stderr) == (status, output, "")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"OMEGA_TEST_GREETING": "far too long"}, "greeting must be 0 to 8 characters"),
        ({"OMEGA_TEST_WORKERS": "x"}, "OMEGA_TEST_WORKERS must be an integer"),
        ({"OMEGA_TEST_LISTEN": "0.0.0.0:1"}, "listen must be a loopback address"),
        ({"OMEGA_LOG_LEVEL": "LOUD"}, "OMEGA_LOG_LEVEL must be DEBUG"),
    ],
)
def test_a_wrong_setting_ends_with_78_and_one_line_that_names_it(
    program: Path, settings: dict[str, str], named: str
) -> None:
    done = run(program, "--check-config", **settings)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.startswith(f"omega-rpc: {named}")
    assert done.stderr.count("\n") == 1


def test_a_command_is_not_asked_how_it_would_listen(program: Path) -> None:
    done = run(program, "--greet", OMEGA_TEST_LISTEN="0.0.0.0:1")
    assert (done.returncode, done.stdout, done.stderr) == (3, "hello\n", "")


def test_two_flags_at_once_are_refused(program: Path) -> None:
    done = run(program, "--greet", "--check-config")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--check-config: not allowed with argument --greet" in done.stderr


def test_a_tool_needs_no_settings(program: Path) -> None:
    assert run(program, "--a-tool", OMEGA_TEST_WORKERS="x").returncode == 0


def test_what_a_start_needs_and_misses_ends_with_69(program: Path) -> None:
    done = run(program, OMEGA_TEST_GREETING="absent")
    assert (done.returncode, done.stdout) == (69, "")
    assert (
        done.stderr
        == "omega-rpc: the database does not answer; nothing was stored, try again later\n"
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_says_where_it_listens_and_ends_with_0_at_a_signal(
    program: Path, number: signal.Signals
) -> None:
    process = subprocess.Popen(
        [sys.executable, program],
        env=environment({"OMEGA_TEST_GREETING": "hi"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            address = json.loads(process.stdout.readline())["listening"]
            with connect(address) as channel:
                await_health(channel, serving=True)
                assert ProbeClient(channel).unary(b"", timeout=20) == b"hi"
            process.send_signal(number)
            output, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, output, errors) == (0, "", "started\nclosed\n")


def test_a_taken_address_ends_with_78_and_closes_what_was_built(
    program: Path, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("")
    done = run(program, OMEGA_TEST_LISTEN=f"unix:{tmp_path / 'taken'}")
    assert done.returncode == 78
    assert done.stderr == "closed\nomega-rpc: listen must be a path where no file lies\n"
