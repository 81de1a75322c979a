"""`omega certs FOLDER --token ROLE` as an operator types it."""

from __future__ import annotations

import json
from pathlib import Path

import jwt
import pytest

from omega_cli.main import main
from omega_rpc.local_operators import AUDIENCE, ISSUER


def test_a_token_is_signed_with_a_key_that_is_made_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "pki"
    given = [["viewer"], ["admin", "--subject", "ada", "--valid-for", "30m"]]
    tokens = []
    for arguments in given:
        assert main(["certs", str(folder), "--token", *arguments]) == 0
        tokens.append(capsys.readouterr().out.strip())
    assert {path.name for path in folder.iterdir()} == {"operators.jwks", "operators.key"}
    assert (folder / "operators.key").stat().st_mode & 0o777 == 0o600
    (public,) = json.loads((folder / "operators.jwks").read_text())["keys"]
    assert "d" not in public
    found = [
        jwt.decode(token, jwt.PyJWK(public), ["ES256"], audience=AUDIENCE, issuer=ISSUER)
        for token in tokens
    ]
    assert [(each["sub"], each["roles"]) for each in found] == [
        ("desk", ["viewer"]),
        ("ada", ["admin"]),
    ]
    assert [each["exp"] - each["iat"] for each in found] == [8 * 3_600, 1_800]


def test_a_key_set_without_its_key_is_not_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "operators.jwks").write_text("{}")
    assert main(["certs", str(tmp_path), "--token", "viewer"]) != 0
    assert "operators.jwks, which is never replaced" in capsys.readouterr().err
    assert (tmp_path / "operators.jwks").read_text() == "{}"


@pytest.mark.parametrize("arguments", [["--subject", ""], ["--valid-for", "soon"]])
def test_an_option_of_no_use_writes_nothing(tmp_path: Path, arguments: list[str]) -> None:
    assert main(["certs", str(tmp_path / "pki"), "--token", "viewer", *arguments]) != 0
    assert not (tmp_path / "pki").exists()
