"""What a URL keeps secret comes into no command line of the server's tools, and into no error."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_core.errors import ErrorCode, OmegaError
from omega_store import backup, backup_tools

URL = "postgresql://omega:open-sesame@127.0.0.1:1/omega"
TOLD = """#!/bin/sh
[ "$PGPASSWORD" = open-sesame ] || exit 3
echo "$@" >"$0.told"
"""


def test_a_password_goes_by_the_environment(tmp_path: Path) -> None:
    tool = tmp_path / "pg_dump"
    tool.write_text(TOLD)
    tool.chmod(0o755)
    backup_tools.run(tool, URL, ["--file=x"])
    told = (tmp_path / "pg_dump.told").read_text()
    assert "host=127.0.0.1" in told
    assert "open-sesame" not in told


@pytest.mark.parametrize("name", ["sslpassword", "scram_client_key", "scram_server_key"])
def test_another_secret_is_refused_before_anything_is_done(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"{URL}?{name}=open-sesame"
    tool = tmp_path / "pg_dump"
    tool.write_text(TOLD)
    tool.chmod(0o755)
    calls = (
        lambda: backup_tools.run(tool, url, []),
        lambda: backup.create(url, tmp_path / "b", pg_bin=tmp_path),
    )
    for call in calls:
        with pytest.raises(OmegaError) as caught:
            call()
        assert caught.value.code is ErrorCode.INVALID_FIELD
        assert caught.value.field == "--database-url"
        assert name in caught.value.bound
        assert "open-sesame" not in str(caught.value) + caplog.text
    assert [path.name for path in tmp_path.iterdir()] == ["pg_dump"]
