"""A schedule of faults is read as a whole, or refused with the place and the bound."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_cli.fleet.faults import Fault, What, read
from omega_cli.fleet.site import Servers, parts
from omega_core.errors import ErrorCode, OmegaError

PARTS = parts(Servers(gateways=2))


def test_faults_come_by_time(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(
        '[[fault]]\nat = "1.5h"\nwhat = "kill"\npart = "sync 2"\nlasts = "90s"\n'
        '[[fault]]\nat = "20m"\nwhat = "skew"\nshare = 0.25\nseconds = -120\n'
    )
    skew, kill = read(path, PARTS)
    assert skew == Fault(1_200.0, What.SKEW, share=0.25, seconds=-120)
    assert kill == Fault(5_400.0, What.KILL, lasts=90.0, part="sync 2")
    assert kill.ends == 5_490


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("fault = 3", "faults.toml"),
        ("", "faults.toml"),
        ("[[fault]\n", "faults.toml"),
        ('other = 1\n[[fault]]\nat = "1m"\nwhat = "loss"\n', "faults.toml"),
        ('[[fault]]\nwhat = "kill"\n', "fault 1"),
        ('[[fault]]\nat = "1m"\nwhat = "kill"\nname = "x"\n', "fault 1"),
        ('[[fault]]\nat = 60\nwhat = "loss"\n', "fault 1: at"),
        ('[[fault]]\nat = "1m"\nwhat = "fire"\n', "fault 1: what"),
        ('[[fault]]\nat = "1m"\nwhat = "kill"\n', "fault 1: part"),
        ('[[fault]]\nat = "1m"\nwhat = "kill"\npart = "sync 3"\n', "fault 1: part"),
        ('[[fault]]\nat = "1m"\nwhat = "loss"\npart = "sync 1"\n', "fault 1: part"),
        ('[[fault]]\nat = "1m"\nwhat = "loss"\nshare = 2\n', "fault 1: share"),
        ('[[fault]]\nat = "1m"\nwhat = "loss"\nlasts = "0s"\n', "fault 1: lasts"),
        ('[[fault]]\nat = "1m"\nwhat = "skew"\nseconds = "1"\n', "fault 1: seconds"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, text: str, field: str) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(text)
    with pytest.raises(OmegaError) as caught:
        read(path, PARTS)
    assert caught.value.code is ErrorCode.INVALID_FIELD
    assert str(caught.value.field).endswith(field)
