// Charts as inline SVG. Series differ by dashes and marks, not by colour alone, and each chart has
// its figures as a table below.

import { h, s, table } from "./dom.js";

const WIDTH = 560;
const HEIGHT = 220;
const LEFT = 62;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 34;
const DASHES = ["none", "7 4", "2 4"];
const STEPS = [1, 2, 2.5, 5, 10];

/** Round values from 0 to at least `most`, five at the most. */
function ticks(most) {
  if (!(most > 0)) return [0, 1];
  const power = 10 ** Math.floor(Math.log10(most / 4));
  const step = power * STEPS.find((each) => each * power * 4 >= most * 0.999);
  return Array.from({ length: Math.ceil(most / step - 0.001) + 1 }, (_, i) => i * step);
}

function frame(levels, text) {
  const top = levels[levels.length - 1];
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top);
  const lines = levels.map((level) => [
    s("line", { class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: y(level), y2: y(level) }),
    s("text", { x: LEFT - 6, y: y(level) + 4, "text-anchor": "end" }, text(level)),
  ]);
  return { y, lines };
}

function mark(index, x, y) {
  if (index === 0) return s("circle", { class: "f0", cx: x, cy: y, r: 3 });
  if (index === 1) return s("rect", { class: "f1", x: x - 3, y: y - 3, width: 6, height: 6 });
  return s("path", { class: "f2", d: `M${x} ${y - 4}l4 7h-8z` });
}

function drawing(title, children) {
  return s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title }, children);
}

/**
 * Lines over labelled points.
 * @param points rows in order; label(row) names each on the axis.
 * @param series [{name, value: (row) => number}], three at the most.
 */
export function lines(title, points, label, series, text) {
  const most = Math.max(0, ...points.flatMap((point) => series.map((each) => each.value(point))));
  const { y, lines: grid } = frame(ticks(most), text);
  const x = (i) => (points.length > 1
    ? LEFT + (WIDTH - LEFT - RIGHT) * (i / (points.length - 1))
    : (LEFT + WIDTH - RIGHT) / 2);
  const drawn = series.map((each, index) => [
    s("polyline", {
      class: `line s${index}`,
      "stroke-dasharray": DASHES[index],
      points: points.map((point, i) => `${x(i)},${y(each.value(point))}`).join(" "),
    }),
    points.length <= 40 ? points.map((point, i) => mark(index, x(i), y(each.value(point)))) : null,
  ]);
  const every = Math.max(1, Math.ceil(points.length / 6));
  const names = points.map((point, i) => (i % every === 0
    ? s("text", { x: x(i), y: HEIGHT - 14, "text-anchor": "middle" }, label(point))
    : null));
  const legend = series.map((each, index) => h("span", {}, legendMark(index), ` ${each.name}  `));
  return h("figure", {}, h("figcaption", {}, title), h("div", { class: "quiet" }, legend),
    points.length ? drawing(title, [grid, drawn, names]) : h("p", { class: "quiet" }, "Nothing yet."),
    asTable(title, points, label, series, text));
}

function legendMark(index) {
  return s("svg", { width: 34, height: 10, "aria-hidden": "true", class: "key" },
    s("line", { class: `line s${index}`, x1: 0, x2: 34, y1: 5, y2: 5, "stroke-dasharray": DASHES[index] }),
    mark(index, 17, 5));
}

/** Bars of rows, one each. */
export function bars(title, rows, label, value, text) {
  const { y, lines: grid } = frame(ticks(Math.max(0, ...rows.map(value))), text);
  const step = (WIDTH - LEFT - RIGHT) / Math.max(1, rows.length);
  const drawn = rows.map((row, i) => [
    s("rect", {
      class: "f0", x: LEFT + i * step + 4, width: step - 8, y: y(value(row)), height: y(0) - y(value(row)),
    }),
    s("text", { x: LEFT + (i + 0.5) * step, y: HEIGHT - 14, "text-anchor": "middle" }, label(row)),
  ]);
  return h("figure", {}, h("figcaption", {}, title), drawing(title, [grid, drawn]),
    asTable(title, rows, label, [{ name: "Number", value }], text));
}

function asTable(title, rows, label, series, text) {
  return h("details", {}, h("summary", {}, "As a table"),
    table(title, [
      { title: "", cell: label },
      ...series.map((each) => ({ title: each.name, cell: (row) => text(each.value(row)), number: true })),
    ], rows));
}
