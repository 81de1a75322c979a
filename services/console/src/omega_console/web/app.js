// Signs in, shows who is signed in, and shows the page that the address names.

import { get, token } from "./api.js";
import { field, h, problem, say } from "./dom.js";
import * as audit from "./pages/audit.js";
import * as content from "./pages/content.js";
import * as device from "./pages/device.js";
import * as devices from "./pages/devices.js";
import * as federation from "./pages/federation.js";
import * as fleet from "./pages/fleet.js";
import * as quality from "./pages/quality.js";
import * as releases from "./pages/releases.js";
import * as sync from "./pages/sync.js";
import * as trends from "./pages/trends.js";

const PAGES = { fleet, sync, quality, federation, trends, devices, content, releases, audit };
const ROLES = ["viewer", "operator", "admin"];
const main = document.getElementById("content");

let info = null;
let leave = new AbortController();

/** Whether the caller may do what needs a role. */
const may = (role) => ROLES.indexOf(info.role) >= ROLES.indexOf(role);

/** A button that needs a role; without it, it says which. */
function action(text, role, onclick, kind = "") {
  const allowed = may(role);
  return h("button", {
    type: "button", class: kind, disabled: !allowed, onclick, title: allowed ? null : `The role ${role} is needed`,
  }, text, allowed ? null : ` (needs ${role})`);
}

function frame(current) {
  const links = info ? Object.entries(PAGES) : [];
  document.getElementById("pages").replaceChildren(...links.map(([name, page]) =>
    h("li", {}, h("a", { href: `#/${name}`, "aria-current": name === current ? "page" : null }, page.title))));
  document.getElementById("caller").replaceChildren(...(info
    ? [h("span", {}, `${info.subject}, ${info.role}`), h("button", { type: "button", onclick: signOut }, "Sign out")]
    : []));
}

function signOut() {
  token.clear();
  info = null;
  show();
}

function signInForm(error) {
  const box = h("input", {
    type: "password", name: "token", required: true, autocomplete: "off", spellcheck: "false", maxlength: 8192,
  });
  const submit = (event) => {
    event.preventDefault();
    token.set(box.value.trim());
    show();
  };
  main.replaceChildren(h("form", { class: "sheet sign-in", onsubmit: submit },
    h("h1", {}, "Sign in"),
    error ? problem(error) : null,
    field("Token of your identity provider", box),
    h("p", { class: "quiet" }, "It is kept in this tab until you close it or sign out."),
    h("div", {}, h("button", { class: "chief" }, "Sign in"))));
  box.focus();
}

async function show() {
  leave.abort();
  leave = new AbortController();
  const { signal } = leave;
  say("");
  if (!token.get()) {
    frame("");
    document.title = "Sign in – Omega TV";
    signInForm(null);
    return;
  }
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  const page = name === "devices" && rest[0] ? device : PAGES[name] ?? fleet;
  try {
    info ??= await get("info");
    if (signal.aborted) return;
    frame(name in PAGES ? name : "fleet");
    document.title = `${page.title} – Omega TV`;
    main.setAttribute("aria-busy", "true");
    const shown = await page.render({ info, may, action, rest, signal, again: show });
    if (signal.aborted) return;
    main.replaceChildren(h("h1", {}, page.title), ...shown);
    main.focus({ preventScroll: true });
  } catch (error) {
    if (signal.aborted) return;
    if (!info) { token.clear(); frame(""); signInForm(error); return; }
    main.replaceChildren(h("h1", {}, page.title), problem(error),
      h("button", { type: "button", onclick: show }, "Try again"));
  } finally {
    if (!signal.aborted) main.removeAttribute("aria-busy");
  }
}

addEventListener("hashchange", show);
addEventListener("signed-out", () => { if (info) signOut(); });
show();
