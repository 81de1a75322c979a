// Titles: those that are stored, and an upload of more.

import { get, pause, upload } from "../api.js";
import { field, h, problem, say, table } from "../dom.js";
import { bytes, number } from "../text.js";

export const title = "Content";

const TYPES = {
  csv: "text/csv", jsonl: "application/jsonl", ndjson: "application/x-ndjson", xml: "application/xml", xmltv: "application/xml",
};

let prefix = "";
let before = [""];

export async function render(context) {
  const token = before[before.length - 1];
  const { contents, total, next_page_token: next } = await get("content",
    { title_prefix: prefix, page_size: 50, page_token: token });
  const turn = (tokens) => () => { before = tokens; context.again(); };
  const box = h("input", { name: "prefix", value: prefix, maxlength: 64, type: "search" });
  const search = (event) => { event.preventDefault(); prefix = box.value; before = [""]; context.again(); };
  return [
    h("h2", {}, "Upload"),
    uploadForm(context),
    h("h2", {}, "Titles"),
    h("form", { class: "row", role: "search", onsubmit: search }, field("Title begins with", box), h("button", {}, "Find")),
    table(`${number(total)} titles`, [
      { title: "Title", cell: (row) => row.title },
      { title: "Id", cell: (row) => h("code", {}, row.content_id) },
      { title: "Kind", cell: (row) => row.kind },
      { title: "Year", cell: (row) => row.year || "–", number: true },
      { title: "Genres", cell: (row) => row.genres.join(", ") },
      { title: "Providers", cell: (row) => row.providers.map((each) => each.name).join(", ") },
    ], contents),
    h("div", { class: "actions" },
      h("button", { type: "button", disabled: before.length < 2, onclick: turn(before.slice(0, -1)) }, "Back"),
      h("button", { type: "button", disabled: !next, onclick: turn([...before, next]) }, "Next")),
  ];
}

function uploadForm(context) {
  const { uploads } = context.info;
  if (!uploads.encoder) return h("p", { class: "quiet" }, "This console carries no encoder: import titles with the omega command.");
  const types = Object.entries(TYPES).filter(([, type]) => uploads.media_types.includes(type));
  const file = h("input", { type: "file", name: "file", accept: types.map(([ending]) => `.${ending}`).join(","), required: true });
  const place = h("div", { "aria-live": "polite" });
  const send = async () => {
    const [chosen] = file.files;
    if (!chosen) { file.reportValidity(); return; }
    const type = TYPES[chosen.name.split(".").pop().toLowerCase()] ?? chosen.type;
    try {
      if (chosen.size > uploads.largest_bytes) throw new Error(`a file has at most ${bytes(uploads.largest_bytes)}`);
      await watch(await upload("content", chosen, type, (sent) => bar(place, "Sending", sent, 1)), place, context);
    } catch (error) {
      place.replaceChildren(problem(error));
    }
  };
  return h("div", {}, h("form", { class: "row", onsubmit: (event) => event.preventDefault() },
    field(`File of titles (${types.map(([ending]) => ending).join(", ")})`, file),
    context.action("Upload", "operator", send, "chief")), place);
}

function bar(place, text, value, most) {
  place.replaceChildren(h("p", {}, `${text} `, h("progress", { value, max: most, "aria-label": text })));
}

async function watch(taken, place, context) {
  let job = taken;
  while (job.state === "waiting" || job.state === "running") {
    bar(place, job.total ? `${number(job.done)} of ${number(job.total)} titles are stored` : "Reading", job.done, job.total || 1);
    if (!await pause(0.3, context.signal)) return;
    job = await get(`content/imports/${job.import_id}`);
  }
  if (job.state === "succeeded") {
    await context.again();
    say(`Catalogue ${job.catalogue_version}: ${job.added} titles added, ${job.updated} updated, ${job.unchanged} unchanged.`);
    return;
  }
  place.replaceChildren(problem(new Error(job.detail)), job.errors.length ? table(`${number(job.bad_rows)} rows at fault; nothing was stored`, [
    { title: "Line", cell: (row) => row.line, number: true },
    { title: "What", cell: (row) => row.field || "the row itself" },
    { title: "Must be", cell: (row) => row.bound },
  ], job.errors) : "");
}
