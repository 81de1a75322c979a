// Rounds: what they learned, how they converge, who took part; and one more on request.

import { get, pause, post } from "../api.js";
import { lines } from "../chart.js";
import { field, h, problem, say, table } from "../dom.js";
import { decimal, instant, number } from "../text.js";

export const title = "Federation";

const OVER = ["succeeded", "failed"];

export async function render(context) {
  const { rounds, more } = await get("federation/rounds", { page_size: 100 });
  const published = rounds.filter((round) => round.status === "succeeded").reverse();
  const name = (round) => `${round.round_id}`;
  return [
    requestForm(context),
    h("div", { class: "charts" },
      lines("How far patterns moved (1 - cosine)", published, name,
        [{ name: "shift", value: (round) => round.pattern_shift }], (value) => decimal(value, 3)),
      lines("Success rate of the patterns", published, name,
        [{ name: "quality", value: (round) => round.quality }], (value) => decimal(value, 2))),
    table(more ? "The last 100 rounds" : "Rounds", [
      { title: "Round", cell: name, number: true },
      { title: "Status", cell: status },
      { title: "Began", cell: (round) => instant(round.started_at) },
      { title: "Took", cell: took, number: true },
      { title: "Devices", cell: (round) => number(round.devices), number: true },
      { title: "Sketches", cell: (round) => number(round.sketches), number: true },
      { title: "Patterns", cell: (round) => number(round.patterns), number: true },
      { title: "Shift", cell: (round) => decimal(round.pattern_shift), number: true },
      { title: "Quality", cell: (round) => decimal(round.quality), number: true },
      { title: "Trends", cell: (round) => number(round.trends), number: true },
      { title: "Kind", cell: (round) => (round.refreshed ? "refresh" : "step") },
    ], rounds),
    shares(rounds.find((round) => round.shards.length)),
  ];
}

function requestForm(context) {
  const refresh = h("input", { type: "checkbox", name: "refresh" });
  const watched = h("div", { "aria-live": "polite" });
  const ask = async () => {
    try {
      await watch(await post("federation/trigger", { refresh: refresh.checked }), watched, context);
    } catch (error) {
      watched.replaceChildren(problem(error));
    }
  };
  return h("div", {}, h("form", { class: "row", onsubmit: (event) => event.preventDefault() },
    context.action("Run a round now", "operator", ask, "chief"),
    field("decode every sketch anew", refresh, true)), watched);
}

async function watch(asked, place, context) {
  let round = asked;
  const progress = h("progress", { "aria-label": `Round ${round.round_id}` });
  while (!OVER.includes(round.status)) {
    place.replaceChildren(h("p", {}, `Round ${round.round_id}: ${round.status} `, progress));
    if (!await pause(0.5, context.signal)) return;
    round = await get(`federation/rounds/${round.round_id}`);
  }
  await context.again();
  say(round.status === "succeeded"
    ? `Round ${round.round_id} published ${number(round.patterns)} patterns.`
    : `Round ${round.round_id} failed: ${round.error_code}.`);
}

function status(round) {
  if (round.status === "failed") return h("span", { class: "bad" }, `✕ failed: ${round.error_code}`);
  return round.status === "succeeded" ? h("span", { class: "good" }, "✓ published") : `… ${round.status}`;
}

function took(round) {
  if (!round.finished_at) return "–";
  return `${((new Date(round.finished_at) - new Date(round.started_at)) / 1000).toFixed(1)} s`;
}

function shares(round) {
  if (!round) return h("p", { class: "quiet" }, "A shard that is alone has no shares.");
  return h("div", {}, h("h2", {}, "Shares of shards"), table(`Round ${round.round_id}`, [
    { title: "Shard", cell: (each) => h("code", {}, each.shard) },
    { title: "Region", cell: (each) => each.region || "all" },
    { title: "Outcome", cell: (each) => each.outcome },
    { title: "Devices", cell: (each) => number(each.devices), number: true },
    { title: "Sketches", cell: (each) => number(each.sketches), number: true },
  ], round.shards));
}
