// What operators did.

import { get } from "../api.js";
import { h, table } from "../dom.js";
import { instant } from "../text.js";

export const title = "Audit";

let before = [""];

export async function render(context) {
  const { entries, more } = await get("audit", { page_size: 50, before_entry_id: before[before.length - 1] });
  const turn = (ids) => () => { before = ids; context.again(); };
  return [
    table("What operators did to the home shard, newest first", [
      { title: "Entry", cell: (row) => row.entry_id, number: true },
      { title: "When", cell: (row) => instant(row.at) },
      { title: "Who", cell: (row) => row.actor || "not stated" },
      { title: "What", cell: (row) => row.action },
      { title: "To what", cell: (row) => h("code", {}, row.subject || "–") },
    ], entries),
    h("div", { class: "actions" },
      h("button", { type: "button", disabled: before.length < 2, onclick: turn(before.slice(0, -1)) }, "Newer"),
      h("button", { type: "button", disabled: !more, onclick: turn([...before, entries.at(-1)?.entry_id]) }, "Older")),
  ];
}
