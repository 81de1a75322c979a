from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from omega_core.config import load
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc.config import ServerConfig, is_loopback
from omega_rpc.logs import VARIABLE, configure_logging

PREFIX = "OMEGA_TEST_"
LISTEN = {"OMEGA_TEST_LISTEN": "127.0.0.1:50070"}


def refusal(environ: Mapping[str, str]) -> OmegaError:
    with pytest.raises(OmegaError) as caught:
        load(ServerConfig, PREFIX, environ)
    assert caught.value.code is ErrorCode.INVALID_FIELD
    return caught.value


def test_every_kind_of_setting_is_read() -> None:
    config = load(
        ServerConfig,
        PREFIX,
        {
            "OMEGA_TEST_LISTEN": "tv.example:443",
            "OMEGA_TEST_TLS_CERTIFICATE": "/etc/omega/tls.pem",
            "OMEGA_TEST_TLS_KEY": "/etc/omega/tls.key",
            "OMEGA_TEST_WORKERS": "16",
            "OMEGA_TEST_REFLECTION": "True",
            "OMEGA_TEST_DRAIN_SECONDS": "2.5",
            "OMEGA_OTHER_WORKERS": "3",
        },
    )
    assert config == ServerConfig(
        "tv.example:443",
        tls_certificate=Path("/etc/omega/tls.pem"),
        tls_key=Path("/etc/omega/tls.key"),
        workers=16,
        reflection=True,
        drain_seconds=2.5,
    )


def test_a_setting_without_default_must_be_there() -> None:
    error = refusal({})
    assert (error.field, error.bound) == ("OMEGA_TEST_LISTEN", "set")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WORKERS", "many"),
        ("WORKERS", "1.5"),
        ("WORKERS", ""),
        ("REFLECTION", "yes"),
        ("GRACE_SECONDS", "soon"),
    ],
)
def test_a_value_of_the_wrong_form_names_its_variable(name: str, value: str) -> None:
    assert refusal({**LISTEN, PREFIX + name: value}).field == PREFIX + name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LISTEN", ""),
        ("LISTEN", "50070"),
        ("LISTEN", "127.0.0.1"),
        ("LISTEN", "127.0.0.1:"),
        ("LISTEN", "127.0.0.1:65536"),
        ("LISTEN", ":50070"),
        ("LISTEN", "unix:relative.sock"),
        ("LISTEN", "unix:/" + "x" * 107),
        ("LISTEN", "0.0.0.0:50070"),
        ("WORKERS", "0"),
        ("WORKERS", "257"),
        ("MAX_CONCURRENT_RPCS", "0"),
        ("MAX_CONCURRENT_RPCS", "65537"),
        ("MAX_CONNECTION_AGE_SECONDS", "-1"),
        ("DRAIN_SECONDS", "nan"),
        ("DRAIN_SECONDS", "61"),
        ("GRACE_SECONDS", "inf"),
        ("GRACE_SECONDS", "-0.1"),
    ],
)
def test_a_value_out_of_bounds_names_its_field(name: str, value: str) -> None:
    assert refusal({**LISTEN, PREFIX + name: value}).field == name.lower()


def test_tls_files_belong_together() -> None:
    assert refusal({**LISTEN, "OMEGA_TEST_TLS_CERTIFICATE": "/c"}).field == "tls_key"
    assert refusal({**LISTEN, "OMEGA_TEST_TLS_KEY": "/k"}).field == "tls_key"
    assert refusal({**LISTEN, "OMEGA_TEST_TLS_CLIENT_CA": "/a"}).field == "tls_certificate"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_hosts(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.1", "::", "10.0.0.1", "localhost.example", ""])
def test_other_hosts(host: str) -> None:
    assert not is_loopback(host)


def test_a_log_level_that_does_not_exist_names_its_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "LOUD")
    with pytest.raises(OmegaError, match=VARIABLE):
        configure_logging()
