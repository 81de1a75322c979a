// Devices of a shard, page by page; one of them by its id.

import { get } from "../api.js";
import { choice, field, h, say, table } from "../dom.js";
import { instant, number } from "../text.js";

export const title = "Devices";

const asked = { shard: "", region: "", filter: "unspecified" };
const ID = "tv-[0-9a-f]{32}";
let before = [""];

export async function render(context) {
  const { shards } = await get("shards");
  const token = before[before.length - 1];
  const { devices, next_page_token: next } = await get("devices", { ...asked, page_size: 50, page_token: token });
  const change = (name) => (value) => { asked[name] = value; before = [""]; context.again(); };
  const turn = (tokens) => () => { before = tokens; context.again(); };
  return [
    searchForm(),
    h("form", { class: "row", onsubmit: (event) => event.preventDefault() },
      field("Shard", choice("shard",
        [["", "the one asked"], ...shards.map((shard) => [shard.entry.shard, shard.entry.shard])],
        asked.shard, change("shard"))),
      field("Which", choice("filter",
        [["unspecified", "all"], ["active", "synced in 24 hours"], ["revoked", "shut out"]],
        asked.filter, change("filter"))),
      field("Region", h("input", {
        name: "region", value: asked.region, maxlength: 16, pattern: "[A-Za-z0-9\\-]*", size: 8,
        onchange: (event) => { if (event.target.checkValidity()) change("region")(event.target.value); },
      }))),
    table("Devices by id", [
      { title: "Device", cell: (row) => h("a", { href: `#/devices/${row.device_id}` }, h("code", {}, row.device_id)) },
      { title: "Shard", cell: (row) => row.shard },
      { title: "Platform", cell: (row) => row.platform || "–" },
      { title: "Region", cell: (row) => row.region || "–" },
      { title: "Last sync", cell: (row) => instant(row.last_seen_at) },
      { title: "Sketches", cell: (row) => number(row.sketches), number: true },
      { title: "", cell: (row) => (row.revoked_at ? h("span", { class: "bad" }, "✕ shut out") : "") },
    ], devices),
    h("div", { class: "actions" },
      h("button", { type: "button", disabled: before.length < 2, onclick: turn(before.slice(0, -1)) }, "Back"),
      h("button", { type: "button", disabled: !next, onclick: turn([...before, next]) }, "Next")),
  ];
}

function searchForm() {
  const box = h("input", { name: "device", size: 38, pattern: ID, required: true, placeholder: "tv-…", autocomplete: "off" });
  const search = (event) => {
    event.preventDefault();
    say("");
    location.hash = `#/devices/${box.value.trim()}`;
  };
  return h("form", { class: "row", role: "search", onsubmit: search },
    field("Device id", box), h("button", {}, "Find"));
}
