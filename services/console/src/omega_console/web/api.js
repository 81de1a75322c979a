// The REST API. The token is kept for this tab alone, and never becomes part of a URL.

const KEY = "omega-token";

export const token = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (value) => sessionStorage.setItem(KEY, value),
  clear: () => sessionStorage.removeItem(KEY),
};

/** A request that was not served. */
export class Refusal extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `the server answered ${status}`);
    this.status = status;
    this.code = body.code ?? "";
    this.requestId = body.request_id ?? "";
  }
}

const headers = () => ({ Authorization: `Bearer ${token.get()}` });

function refusal(status, text) {
  let body = {};
  try { body = JSON.parse(text); } catch { /* it says nothing more */ }
  if (status === 401) dispatchEvent(new CustomEvent("signed-out"));
  return new Refusal(status, body);
}

async function ask(method, path, body) {
  const given = { method, headers: headers(), cache: "no-store" };
  if (body !== undefined) {
    given.body = JSON.stringify(body);
    given.headers["Content-Type"] = "application/json";
  }
  let answer;
  try {
    answer = await fetch(`/api/v1/${path}`, given);
  } catch {
    throw new Refusal(0, { detail: "the server does not answer" });
  }
  const text = await answer.text();
  if (!answer.ok) throw refusal(answer.status, text);
  return text ? JSON.parse(text) : null;
}

/** GET with a query; empty values are left out. */
export function get(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== undefined && value !== null);
  const search = new URLSearchParams(given).toString();
  return ask("GET", search ? `${path}?${search}` : path);
}

export const post = (path, body = undefined) => ask("POST", path, body);

export const remove = (path) => ask("DELETE", path);

/** Uploads a file; `progress` hears the share of it that was sent, 0 to 1. */
export function upload(path, file, type, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/v1/${path}`);
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.setRequestHeader("Content-Type", type);
    request.upload.onprogress = (event) => progress(event.lengthComputable ? event.loaded / event.total : 0);
    request.onload = () => (request.status < 300
      ? resolve(JSON.parse(request.responseText))
      : reject(refusal(request.status, request.responseText)));
    request.onerror = () => reject(new Refusal(0, { detail: "the server does not answer" }));
    request.send(file);
  });
}

/** Waits; ends early, false, when the signal says so. */
export function pause(seconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(true), 1000 * seconds);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(false); }, { once: true });
  });
}
