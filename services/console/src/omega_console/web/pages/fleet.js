// Shards and regions, and devices that are on their way.

import { get } from "../api.js";
import { figures, h, table } from "../dom.js";
import { number, share } from "../text.js";

export const title = "Fleet";

const MOST = 16;

function byRegion(shards) {
  const found = new Map();
  for (const shard of shards) {
    const region = shard.entry?.region ?? "";
    const row = found.get(region) ?? { region, shards: 0, total: 0, active: 0, leaving: 0 };
    row.shards += 1;
    row.total += shard.total_devices;
    row.active += shard.active_devices;
    row.leaving += shard.leaving_devices;
    found.set(region, row);
  }
  return [...found.values()];
}

function stated(stats) {
  const found = new Map();
  for (const { region, devices, active_devices: active } of stats.flatMap((each) => each.regions)) {
    const row = found.get(region) ?? { region, devices: 0, active: 0 };
    row.devices += devices;
    row.active += active;
    found.set(region, row);
  }
  return [...found.values()].sort((a, b) => b.devices - a.devices);
}

export async function render() {
  const { shards, home, directory_version: version } = await get("shards");
  const reachable = shards.filter((shard) => shard.reachable);
  const stats = await Promise.all(
    reachable.slice(0, MOST).map((shard) => get(`shards/${encodeURIComponent(shard.entry.shard)}/stats`)));
  const sum = (name) => shards.reduce((total, shard) => total + shard[name], 0);
  return [
    figures([
      ["Devices", number(sum("total_devices"))],
      ["Synced in 24 hours", number(sum("active_devices"))],
      ["Moving between shards", number(sum("leaving_devices"))],
      ["Shards that answer", `${reachable.length} of ${shards.length}`],
      ["Home shard", home],
      ["Directory", version || "none"],
    ]),
    table("Shards", [
      { title: "Shard", cell: (row) => h("code", {}, row.entry.shard) },
      { title: "Region", cell: (row) => row.entry.region || "all" },
      { title: "State", cell: (row) => state(row) },
      { title: "Devices", cell: (row) => number(row.total_devices), number: true },
      { title: "Synced in 24 hours", cell: (row) => share(row.active_devices, row.total_devices), number: true },
      { title: "Moving away", cell: (row) => number(row.leaving_devices), number: true },
      { title: "Directory", cell: (row) => row.directory_version, number: true },
      { title: "State version", cell: (row) => row.state_version, number: true },
    ], shards),
    h("h2", {}, "Regions"),
    table("Shards by the region whose gateways place devices there", [
      { title: "Region", cell: (row) => row.region || "all" },
      { title: "Shards", cell: (row) => row.shards, number: true },
      { title: "Devices", cell: (row) => number(row.total), number: true },
      { title: "Synced in 24 hours", cell: (row) => share(row.active, row.total), number: true },
      { title: "Moving away", cell: (row) => number(row.leaving), number: true },
    ], byRegion(shards)),
    h("h2", {}, "What devices state"),
    table(`Devices by the region that they state${reachable.length > MOST ? `, of ${MOST} shards` : ""}`, [
      { title: "Region", cell: (row) => row.region || "not stated" },
      { title: "Devices", cell: (row) => number(row.devices), number: true },
      { title: "Synced in 24 hours", cell: (row) => share(row.active, row.devices), number: true },
    ], stated(stats)),
  ];
}

function state(row) {
  if (!row.reachable) return h("span", { class: "bad" }, "✕ does not answer");
  const taken = row.entry.state === "draining" ? "gives its devices away" : "takes devices";
  return `✓ ${taken}${row.entry.split_of ? `, split of ${row.entry.split_of}` : ""}`;
}
