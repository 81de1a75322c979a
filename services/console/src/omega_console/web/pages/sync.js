// How many exchanges a shard stores, and how long each waits for the disk.

import { lines } from "../chart.js";
import { figures, h } from "../dom.js";
import { clock, instant, milliseconds, number, share } from "../text.js";
import { chosenStats } from "./shard.js";

export const title = "Sync";

export async function render(context) {
  const { stats, form } = await chosenStats(context, true);
  const { traffic } = stats;
  const sum = (name) => traffic.reduce((total, minute) => total + minute[name], 0);
  const exchanges = sum("exchanges");
  const at = (minute) => clock(minute.minute);
  return [
    form,
    figures([
      ["Exchanges", number(exchanges)],
      ["Sketches stored", number(sum("sketches"))],
      ["Repeated pushes", share(sum("duplicates"), exchanges)],
      ["Refused exchanges", share(sum("refused"), exchanges + sum("refused"))],
      ["Last push", instant(stats.last_push_at)],
    ]),
    h("div", { class: "charts" },
      lines("Exchanges and sketches a minute", traffic, at, [
        { name: "exchanges", value: (minute) => minute.exchanges },
        { name: "sketches", value: (minute) => minute.sketches },
      ], number),
      lines("Time until an exchange is durable", traffic, at, [
        { name: "half of them", value: (minute) => minute.p50_seconds },
        { name: "99 of 100", value: (minute) => minute.p99_seconds },
      ], milliseconds)),
    h("p", { class: "quiet" }, "Times are bounds of buckets that grow by factors of 2. Minutes without traffic are left out."),
  ];
}
