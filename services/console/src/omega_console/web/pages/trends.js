// What rises, everywhere or in a region.

import { get } from "../api.js";
import { choice, field, h, table } from "../dom.js";
import { decimal, instant } from "../text.js";

export const title = "Trends";

let region = "";

export async function render(context) {
  const { trends, regions, scored_at: scored } = await get("trends", { region });
  const options = [["", "everywhere"], ...regions.map((each) => [each, each])];
  return [
    h("form", { class: "row", onsubmit: (event) => event.preventDefault() },
      field("Region", choice("region", options, region, (value) => { region = value; context.again(); }))),
    table(scored ? `Trends as of ${instant(scored)}` : "Trends", [
      { title: "Title", cell: (trend) => trend.title },
      { title: "Id", cell: (trend) => h("code", {}, trend.content_id) },
      { title: "Score", cell: (trend) => decimal(trend.score, 2), number: true },
    ], trends, "Nothing rises."),
    h("p", { class: "quiet" }, "A score fades by 0.95 an hour."),
  ];
}
