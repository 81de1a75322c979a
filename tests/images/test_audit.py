"""`make audit` fails unless a service knew every package and no vulnerability of it."""

from __future__ import annotations

import json
from pathlib import Path

import audit
import pytest

CLEAN = {"name": "numpy", "version": "2.4.6", "vulns": []}
BAD = {
    "name": "jinja2",
    "version": "3.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.1"]}, {"id": "PYSEC-2", "fix_versions": []}],
}
SKIPPED = {"name": "absent", "skip_reason": "not found"}


@pytest.fixture
def pip_audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in place of pip-audit, which writes what the file beside it holds."""
    program = tmp_path / "pip-audit"
    program.write_text('#!/bin/sh\ncat "$0.out"\necho "no route to the service" >&2\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setattr(audit, "PIP_AUDIT", program)
    monkeypatch.setattr("sys.argv", ["audit"])
    return tmp_path / "pip-audit.out"


def test_a_service_that_is_not_reached_is_one_line_and_a_failure(
    pip_audit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pip_audit.write_text("")
    assert audit.main() == 1
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("no vulnerability service is reached")
    assert line.count("no route to the service") == len(audit.SERVICES)


@pytest.mark.parametrize("answered", [[], [SKIPPED, SKIPPED]])
def test_a_service_that_knows_nothing_says_nothing(
    answered: list[object], pip_audit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pip_audit.write_text(json.dumps({"dependencies": answered}))
    assert audit.main() == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"it knows none of {len(answered)} packages" in line


@pytest.mark.parametrize(
    ("answered", "code", "said"),
    [
        ([CLEAN], 0, "pypi knows 1 packages, 0 vulnerabilities"),
        ([CLEAN, BAD], 1, "VULNERABLE jinja2 3.0: PYSEC-2 (fixed in no release)"),
        ([CLEAN, SKIPPED], 1, "UNKNOWN absent: not found"),
    ],
    ids=["clean", "vulnerable", "unknown"],
)
def test_only_a_whole_and_clean_answer_passes(
    answered: list[object],
    code: int,
    said: str,
    pip_audit: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pip_audit.write_text(json.dumps({"dependencies": answered}))
    assert audit.main() == code
    assert said in capsys.readouterr().out
