// Builds elements. Texts become text nodes and attributes are set one by one: whatever a title or
// an id holds, it stays data.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An HTML element: h("p", {class: "quiet"}, "text", other). A function under "onclick" listens. */
export function h(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same for SVG. */
export function s(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

/** A table. Each column is {title, cell: (row) => node or text, number: boolean}. */
export function table(caption, columns, rows, empty = "There are none.") {
  const head = columns.map((c) => h("th", { scope: "col", class: c.number ? "number" : null }, c.title));
  const body = rows.map((row) =>
    h("tr", {}, columns.map((c) => h("td", { class: c.number ? "number" : null }, c.cell(row)))));
  const none = h("tr", {}, h("td", { colspan: columns.length, class: "quiet" }, empty));
  return h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {}, h("caption", {}, caption), h("thead", {}, h("tr", {}, head)),
      h("tbody", {}, rows.length ? body : none)));
}

/** Figures that stand out: pairs of a name and a value. */
export function figures(pairs) {
  return h("dl", { class: "figures" }, pairs.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

/** A labelled control. */
export function field(label, control, across = false) {
  return across ? h("label", { class: "across" }, control, label) : h("label", {}, label, control);
}

/** A choice: options are pairs of a value and a text. */
export function choice(name, options, chosen, onchange) {
  return h("select", { name, onchange: (event) => onchange(event.target.value) },
    options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)));
}

/** Asks before something that cannot be undone; resolves to whether it was confirmed. */
export function confirmed(question, word) {
  return new Promise((resolve) => {
    const close = (answer) => () => { dialog.close(); dialog.remove(); resolve(answer); };
    const dialog = h("dialog", { "aria-labelledby": "question", oncancel: close(false) },
      h("p", { id: "question" }, question),
      h("div", { class: "actions" },
        h("button", { type: "button", onclick: close(false) }, "Cancel"),
        h("button", { type: "button", class: "grave", onclick: close(true) }, word)));
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** What went wrong, for a person. */
export function problem(error) {
  const where = error.requestId ? ` Request ${error.requestId}.` : "";
  return h("p", { class: "problem", role: "alert" }, `${error.message}.`, h("span", { class: "quiet" }, where));
}

/** Tells what happened, also to a screen reader. */
export function say(text) {
  document.getElementById("status").textContent = text;
}
