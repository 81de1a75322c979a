"""The browser's part of console_proof.py: reads address and tokens, walks, says what it saw."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import ConsoleMessage, Page, Request, Response, expect, sync_playwright

CHROMIUM = "/usr/bin/chromium"
_MS = 60_000
_ROWS = 6_000


@dataclass
class Walk:
    """A page in the browser, and what it must not have seen."""

    page: Page
    """The page."""
    url: str
    """Of the console."""
    complaints: list[str] = field(default_factory=list)
    """Errors of scripts and of the Content-Security-Policy, and requests to anywhere else."""
    refusals: list[int] = field(default_factory=list)
    """Statuses of 400 and more that were answered."""

    def listen(self) -> None:
        """Begins to watch."""
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._asked)
        self.page.on("response", self._answered)

    def _said(self, message: ConsoleMessage) -> None:
        # Chromium itself notes each refused request; those are counted by their statuses.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", "data:")):
            self.complaints.append(f"asked {request.url}")
        if "eyJ" in request.url:
            self.complaints.append("a token stands in a URL")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.refusals.append(response.status)

    def sign_in(self, token: str) -> None:
        """Signs in afresh."""
        self.page.goto(self.url)
        self.page.evaluate("sessionStorage.clear()")
        self.page.goto(f"{self.url}/#/fleet")
        self.page.reload()
        self.page.get_by_label("Token of your identity provider").fill(token)
        self.page.get_by_role("button", name="Sign in").click()

    def open(self, name: str) -> None:
        """Opens a page by its link, with the keyboard."""
        link = self.page.get_by_role("link", name=name, exact=True)
        link.focus()
        self.page.keyboard.press("Enter")
        expect(self.page.get_by_role("heading", level=1, name=name)).to_be_visible()
        expect(link).to_have_attribute("aria-current", "page")

    def figure(self, name: str) -> str:
        """A figure that stands out."""
        term = self.page.locator("dl.figures div", has=self.page.locator("dt", has_text=name))
        return str(term.first.locator("dd").inner_text())

    def rows(self, caption: str) -> int:
        """Rows of a table."""
        table = self.page.get_by_role("region", name=caption).locator("tbody tr")
        expect(table.first).to_be_visible()
        return int(table.count())


def said(text: str) -> None:
    """Prints a line that is read at once."""
    print(text, flush=True)


def need(condition: object, text: str) -> None:
    """Ends the proof where something does not hold."""
    if not condition:
        raise AssertionError(text)
    said(f"  {text}")


def refused(walk: Walk, told: dict[str, Any]) -> None:
    """A token of no use, and an operator without rights."""
    walk.sign_in("eyJhbGciOiJub25lIn0.e30.")
    expect(walk.page.get_by_role("alert")).to_contain_text("a valid bearer token is needed")
    need(walk.refusals == [401], "a token of no use does not sign in")
    walk.refusals.clear()
    walk.sign_in(told["tokens"]["viewer"])
    expect(walk.page.get_by_text("viewer, viewer")).to_be_visible()
    walk.open("Federation")
    button = walk.page.get_by_role("button", name="Run a round now")
    expect(button).to_be_disabled()
    expect(button).to_contain_text("needs operator")
    status, code = walk.page.evaluate(
        """async () => {
          const answer = await fetch("/api/v1/federation/trigger", {
            method: "POST", body: "{}",
            headers: {"Content-Type": "application/json",
                      Authorization: `Bearer ${sessionStorage.getItem("omega-token")}`}});
          return [answer.status, (await answer.json()).code];
        }"""
    )
    need((status, code) == (403, "ROLE_MISSING"), "a viewer who asks for a round is refused")
    walk.refusals.clear()


def fleet(walk: Walk) -> None:
    """Shards, regions and totals."""
    walk.open("Fleet")
    need(int(walk.figure("Devices")) >= 40, f"{walk.figure('Devices')} devices")
    need(walk.figure("Moving between shards").isdigit(), "devices on their way are counted")
    need(walk.rows("Shards") >= 1, "shards are listed")
    need(walk.rows("Devices by the region that they state") == 3, "3 regions are stated")


def sync(walk: Walk) -> None:
    """Rate and latency."""
    walk.open("Sync")
    need(int(walk.figure("Exchanges").replace(",", "")) > 40, "exchanges are counted")
    need(walk.page.locator("figure svg[role=img]").count() == 2, "rate and latency are drawn")
    span = walk.page.get_by_role("combobox", name="Time")
    span.select_option("1440")
    expect(span).to_have_value("1440")


def quality(walk: Walk) -> None:
    """Success rates."""
    walk.open("Quality")
    need(walk.page.locator("figure svg rect").count() == 8, "8 classes are drawn")
    need(0.5 < float(walk.figure("Mean success rate")) <= 1, "the mean success rate is shown")


def federation(walk: Walk, picture: str) -> None:
    """Rounds, and one more that is watched until it ends."""
    walk.open("Federation")
    before = walk.rows("Rounds")
    need(before >= 3, f"{before} rounds are listed")
    walk.page.get_by_role("button", name="Run a round now").click()
    expect(walk.page.get_by_role("status")).to_contain_text("published", timeout=_MS)
    need(walk.rows("Rounds") == before + 1, "a round is asked for and watched until it ends")
    points = walk.page.locator("figure").first.locator("circle").count()
    need(points >= before + 1, "convergence is drawn round by round")
    if picture:
        walk.page.wait_for_timeout(300)
        walk.page.screenshot(path=picture)


def trends(walk: Walk) -> None:
    """What rises."""
    walk.open("Trends")
    need(walk.rows("Trends") >= 1, "trends are shown, or that there are none")


def devices(walk: Walk) -> None:
    """A list, a search, a page, a revocation and an erasure."""
    walk.open("Devices")
    need(walk.rows("Devices by id") >= 40, "devices are listed")
    ids = walk.page.locator("tbody code").all_inner_texts()
    box = walk.page.get_by_label("Device id")
    box.fill(ids[3])
    box.press("Enter")
    expect(walk.page.get_by_role("heading", level=1, name="Device")).to_be_visible()
    need(int(walk.figure("Sketches")) >= 0, "a device is found by its id")
    walk.page.get_by_role("button", name="Shut out").click()
    walk.page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    need(walk.figure("Shut out") == "no", "what is not confirmed is not done")
    walk.page.get_by_role("button", name="Shut out").click()
    walk.page.get_by_role("dialog").get_by_role("button", name="Shut out").click()
    expect(walk.page.get_by_role("status")).to_contain_text("shut out")
    need(walk.figure("Shut out") != "no", "a device is shut out")
    walk.page.get_by_role("button", name="Erase").click()
    walk.page.get_by_role("dialog").get_by_role("button", name="Erase").click()
    expect(walk.page.get_by_role("heading", level=1, name="Devices")).to_be_visible()
    walk.page.get_by_label("Device id").fill(ids[3])
    walk.page.get_by_label("Device id").press("Enter")
    expect(walk.page.get_by_role("alert")).to_contain_text("must name a registered device")
    need(walk.refusals == [404], "an erased device is gone")
    walk.refusals.clear()


def content(walk: Walk, folder: Path) -> None:
    """A file with a row at fault, and a large one that is watched."""
    walk.open("Content")
    need(walk.rows("150 titles") == 50, "titles are listed")
    broken = folder / "broken.csv"
    broken.write_text("content_id,title,kind\na,,movie\n", "utf-8")
    walk.page.get_by_label("File of titles").set_input_files(broken)
    walk.page.get_by_role("button", name="Upload").click()
    expect(walk.page.get_by_role("alert")).to_contain_text("line 2, title, must be")
    need(walk.rows("1 rows at fault; nothing was stored") == 1, "a row at fault is named")
    large = folder / "large.csv"
    hostile = "<img src=x onerror=alert(1)>"
    lines = [f'new{i},"New title {i}",movie,{1950 + i % 70}' for i in range(_ROWS)]
    text = "\n".join(["content_id,title,kind,year", f"evil,{hostile},movie,2000", *lines])
    large.write_text(text, "utf-8")
    walk.page.evaluate(
        """() => { window.seen = new Set();
          new MutationObserver(() => {
            const bar = document.querySelector("progress");
            if (bar) window.seen.add(bar.getAttribute("aria-label"));
          }).observe(document.body, {subtree: true, childList: true}); }"""
    )
    walk.page.get_by_label("File of titles").set_input_files(large)
    walk.page.get_by_role("button", name="Upload").click()
    expect(walk.page.get_by_role("status")).to_contain_text("titles added", timeout=_MS)
    seen = walk.page.evaluate("[...window.seen]")
    need(len(seen) > 3, f"{_ROWS + 1:,} titles are uploaded, with progress: {seen[len(seen) // 2]}")
    box = walk.page.get_by_label("Title begins with")
    box.fill("<img")
    box.press("Enter")
    expect(walk.page.get_by_text(hostile)).to_be_visible()
    need(walk.page.locator("main img").count() == 0, "a title that looks like code is a text")


def releases(walk: Walk) -> None:
    """Releases."""
    walk.open("Releases")
    need(walk.rows("Releases") >= 1, "releases are shown, or that there are none")


def audit(walk: Walk) -> None:
    """What was done above."""
    walk.open("Audit")
    text = walk.page.get_by_role("region").inner_text()
    deeds = [deed for deed in ("RevokeDevice", "EraseDevice") if deed in text and "admin" in text]
    need(len(deeds) == 2, "what the admin did is in the log")


def looks(walk: Walk) -> None:
    """Contrast in both schemes, and no page wider than the window."""
    for scheme in ("light", "dark"):
        walk.page.emulate_media(color_scheme=scheme)
        for name in ("Fleet", "Federation", "Devices"):
            walk.open(name)
            wide = walk.page.evaluate(
                "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            )
            low = walk.page.evaluate(_CONTRAST)
            need(not wide and not low, f"{name} is readable in the {scheme} scheme {low or ''}")


_CONTRAST = """() => {
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => v / 255).map(
      (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const found = parts(getComputedStyle(at).backgroundColor);
      if (found[3] !== 0) return found;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const node of document.querySelectorAll("main *, header *")) {
    const own = [...node.childNodes].some((each) => each.nodeType === 3 && each.data.trim());
    if (!own || node.closest(":disabled, svg, option") || !node.offsetParent) continue;
    const [a, b] = [light(parts(getComputedStyle(node).color)), light(ground(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const text = node.textContent.slice(0, 20);
    if (ratio < 4.5) low.push(`${node.tagName} ${text} ${ratio.toFixed(2)}`);
  }
  return low.slice(0, 5).join("; ");
}"""
"""Texts whose contrast lies below 4.5 (WCAG 2.2, 1.4.3)."""


def main() -> int:
    """Walks; returns the exit code."""
    told = json.load(sys.stdin)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.set_default_timeout(20_000)
        walk = Walk(page, told["url"])
        walk.listen()
        steps: list[tuple[str, Callable[[], None]]] = [
            ("Signing in", lambda: refused(walk, told)),
            ("Fleet", lambda: fleet(walk)),
            ("Sync", lambda: sync(walk)),
            ("Quality", lambda: quality(walk)),
            ("Federation", lambda: federation(walk, told["picture"])),
            ("Trends", lambda: trends(walk)),
            ("Devices", lambda: devices(walk)),
            ("Content", lambda: content(walk, Path(told["folder"]))),
            ("Releases", lambda: releases(walk)),
            ("Audit", lambda: audit(walk)),
            ("Looks", lambda: looks(walk)),
        ]
        failed = ""
        for name, step in steps:
            said(name)
            try:
                step()
                if name == "Signing in":
                    walk.sign_in(told["tokens"]["admin"])
                need(
                    not walk.complaints, "no error in the browser's console, nothing from elsewhere"
                )
                need(not walk.refusals, "no request was refused that should not be")
            except Exception as error:  # noqa: BLE001 - the page is shown with whatever it was
                page.screenshot(path=f"{told['folder']}/failed.png")
                failed = f"{name}: {error}\n{walk.complaints} {walk.refusals}"
                break
        browser.close()
    said(failed or f"every page works: {len(steps) - 2} pages in Chromium {browser.version}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
