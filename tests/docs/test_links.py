"""What the pages point at is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(p for top in ("bench", "data", "docs") for p in ROOT.glob(f"{top}/**/*.md")),
    ]
)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_MAKE = re.compile(r"(?:^|`)(?:OMEGA_DATA=\S+ )?make ([a-z0-9-]+)\b", re.MULTILINE)
_PATH = re.compile(
    r"(?<![\w/.])((?:bench|data|deploy|docs|libs|proto|services|tests|tools)/(?:[\w./-]*[\w/])?)"
)
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@each_page
def test_relative_links_resolve(page: Path) -> None:
    targets = [target.partition("#") for target in _LINK.findall(page.read_text("utf-8"))]
    for target, _, anchor in targets:
        if ":" in target:
            continue
        path = page.parent / target if target else page
        assert path.exists(), target
        if anchor:
            assert anchor in _anchors(path), anchor


def _anchors(page: Path) -> set[str]:
    """Anchors that a forge gives to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}


@each_page
def test_paths_in_the_text_exist(page: Path) -> None:
    for path in _PATH.findall(page.read_text("utf-8")):
        assert (ROOT / path).exists(), path


@each_page
def test_make_targets_in_the_text_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))
    assert set(_MAKE.findall(page.read_text("utf-8"))) <= targets
