// One device: what operators see of it, and how to shut it out or erase it.

import { get, post, remove } from "../api.js";
import { confirmed, figures, h, problem, say } from "../dom.js";
import { instant, number } from "../text.js";

export const title = "Device";

export async function render(context) {
  const id = context.rest[0];
  const path = `devices/${encodeURIComponent(id)}`;
  const device = await get(path);
  const failed = h("div");
  const attempt = (work) => async () => {
    try { await work(); } catch (error) { failed.replaceChildren(problem(error)); }
  };
  const revoke = attempt(async () => {
    if (!await confirmed(`Shut ${id} out? Gateways refuse it within a minute; it cannot be let in again.`, "Shut out")) return;
    await post(`${path}/revoke`);
    await context.again();
    say("The device is shut out.");
  });
  const erase = attempt(async () => {
    if (!await confirmed(`Erase ${id} with all that it pushed? This cannot be undone.`, "Erase")) return;
    const { pushes } = await remove(path);
    location.hash = "#/devices";
    say(`The device and ${number(pushes)} pushes are erased.`);
  });
  return [
    h("p", {}, h("a", { href: "#/devices" }, "All devices")),
    h("p", {}, h("code", {}, device.device_id)),
    figures([
      ["Shard", device.shard || "–"],
      ["Platform", device.platform || "–"],
      ["Release", device.app_version || "–"],
      ["Region", device.region || "not stated"],
      ["Registered", instant(device.registered_at)],
      ["Last sync", instant(device.last_seen_at)],
      ["Key", device.has_key ? "shown" : "none"],
      ["Pushes", number(device.pushes)],
      ["Sketches", number(device.sketches)],
      ["Shut out", device.revoked_at ? instant(device.revoked_at) : "no"],
    ]),
    h("p", { class: "quiet" }, "What it pushed is not shown to anybody."),
    failed,
    h("div", { class: "actions" },
      device.revoked_at ? null : context.action("Shut out", "operator", revoke, "grave"),
      context.action("Erase", "admin", erase, "grave")),
  ];
}
