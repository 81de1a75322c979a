"""Shells complete commands from what `omega completion` prints."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from omega_cli.exits import Exit
from omega_cli.main import main

_ASK = """
source "$1"; shift
complete -p omega >/dev/null || exit 9
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
function=$(complete -p omega | sed -E 's/.*-F ([^ ]+) .*/\\1/')
"$function" omega "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["completion", "bash"]) == Exit.DONE
    path = tmp_path / "omega.bash"
    path.write_text(capsys.readouterr().out)
    return path


def completed(script: Path, *words: str) -> set[str]:
    """What bash offers for the last word."""
    bash = shutil.which("bash")
    assert bash
    done = subprocess.run(
        [bash, "--norc", "-c", _ASK, "ask", str(script), "omega", *words],
        capture_output=True,
        text=True,
        check=True,
    )
    return {line.strip() for line in done.stdout.splitlines() if line.strip()}


def test_bash_completes_commands_flags_and_values(script: Path) -> None:
    assert completed(script, "dev") == {"devices"}
    assert {"serve", "doctor", "rounds", "content", "model"} <= completed(script, "")
    assert completed(script, "devices", "") == {"list", "show", "revoke", "erase"}
    assert completed(script, "rounds", "trigger", "--w") == {"--watch"}
    assert completed(script, "devices", "list", "--tls-c") == {"--tls-ca", "--tls-certificate"}
    assert completed(script, "content", "import", "--format", "x") == {"xmltv"}
    assert completed(script, "completion", "") == {"bash", "zsh", "tcsh"}


@pytest.mark.parametrize(
    ("shell", "known"), [("zsh", ["trigger", "--watch"]), ("tcsh", ["trigger"])]
)
def test_the_others_are_told_of_every_command(
    shell: str, known: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == Exit.DONE
    said = capsys.readouterr().out
    assert all(command in said for command in ("serve", "doctor", "rounds", *known))


def test_an_unknown_shell_is_a_wrong_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["completion", "fish"])
    assert ended.value.code == Exit.USAGE
    assert "invalid choice: 'fish'" in capsys.readouterr().err
