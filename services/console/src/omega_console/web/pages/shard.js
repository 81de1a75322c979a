// What the pages of a shard's figures share: which shard, and how many minutes.

import { get } from "../api.js";
import { choice, field, h } from "../dom.js";

const chosen = { shard: "", minutes: "60" };

/** Figures of the chosen shard, and the form that chooses another one. */
export async function chosenStats(context, withMinutes) {
  const { shards, home } = await get("shards");
  const names = shards.map((shard) => shard.entry.shard);
  const shard = names.includes(chosen.shard) ? chosen.shard : home || names[0];
  const stats = await get(`shards/${encodeURIComponent(shard)}/stats`, { minutes: withMinutes ? chosen.minutes : 0 });
  const change = (name) => (value) => { chosen[name] = value; context.again(); };
  const form = h("form", { class: "row", onsubmit: (event) => event.preventDefault() },
    field("Shard", choice("shard", names.map((name) => [name, name]), shard, change("shard"))),
    withMinutes ? field("Time", choice("minutes",
      [["60", "the last hour"], ["360", "the last 6 hours"], ["1440", "the last day"]],
      chosen.minutes, change("minutes"))) : null,
    h("button", { type: "button", onclick: context.again }, "Refresh"));
  return { stats, form };
}
