// Releases of resources, how both sides fare, and how to end one.

import { get, post } from "../api.js";
import { confirmed, h, problem, say, table } from "../dom.js";
import { decimal, instant, number } from "../text.js";

export const title = "Releases";

const STAGES = { first: "at 1 of 100", second: "at 10 of 100", complete: "✓ at all", rolled_back: "✕ taken back" };

export async function render(context) {
  const { releases } = await get("releases", { page_size: 100 });
  const failed = h("div");
  const end = (release, complete) => async () => {
    const what = `${release.resource.kind} ${release.resource.version}`;
    const question = complete ? `Give ${what} to all devices now?` : `Take ${what} back from the devices that have it?`;
    try {
      if (!await confirmed(question, complete ? "Give to all" : "Take back")) return;
      await post(`releases/${release.release_id}/end`, { complete });
      await context.again();
      say(complete ? "The release goes to all devices." : "The release is taken back.");
    } catch (error) {
      failed.replaceChildren(problem(error));
    }
  };
  return [failed, table("Releases", [
    { title: "Release", cell: (row) => row.release_id, number: true },
    { title: "What", cell: (row) => `${row.resource.kind} ${row.resource.version}` },
    { title: "Stage", cell: (row) => STAGES[row.stage] ?? row.stage },
    { title: "Since", cell: (row) => instant(row.stage_since) },
    { title: "With it", cell: (row) => side(row.candidate), number: true },
    { title: "Without it", cell: (row) => side(row.control), number: true },
    { title: "Cause", cell: (row) => row.cause || "–" },
    { title: "", cell: (row) => (["first", "second"].includes(row.stage) ? h("div", { class: "actions" },
      context.action("Give to all", "admin", end(row, true)),
      context.action("Take back", "admin", end(row, false), "grave")) : "") },
  ], releases),
  h("p", { class: "quiet" }, "Share of households that watched what was recommended, estimated from randomised reports.")];
}

function side(counts) {
  if (!counts?.reports) return "–";
  return `${decimal(counts.estimate)} ± ${decimal(counts.standard_error)} (${number(counts.reports)})`;
}
