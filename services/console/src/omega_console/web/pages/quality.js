// How well households liked what their sketches stand for.

import { bars } from "../chart.js";
import { figures, h } from "../dom.js";
import { number, share } from "../text.js";
import { chosenStats } from "./shard.js";

export const title = "Quality";

export async function render(context) {
  const { stats, form } = await chosenStats(context, false);
  const classes = stats.sketches_by_rate.map((sketches, index) => ({ index, sketches }));
  const total = classes.reduce((sum, each) => sum + each.sketches, 0);
  const mean = classes.reduce((sum, each) => sum + each.sketches * (each.index + 0.5) / 8, 0);
  return [
    form,
    figures([
      ["Sketches of 24 hours", number(total)],
      ["Mean success rate", total ? (mean / total).toFixed(3) : "–"],
      ["In the best class", share(classes[7]?.sketches ?? 0, total)],
      ["Sketches stored", number(stats.sketches)],
    ]),
    h("div", { class: "charts" },
      bars("Sketches of the last 24 hours by success rate", classes,
        (each) => `${(each.index / 8).toFixed(2)}–${((each.index + 1) / 8).toFixed(2)}`,
        (each) => each.sketches, number)),
    h("p", { class: "quiet" }, "A success rate travels as one of eight classes; the mean takes the middle of each."),
  ];
}
