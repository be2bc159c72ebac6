// The API: what is read carries an ETag; what fails says why in words.

const tags = new Map();

export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

async function problemOf(answer) {
  let detail = "HTTP " + answer.status;
  try {
    const body = await answer.json();
    detail = body.detail || body.title || detail;
  } catch {
    // no problem document: the status has to do
  }
  return new Problem(answer.status, detail);
}

let leaving = false;
export function leave(place) {
  leaving = true;
  location.assign(place);
}

// Not signed in any more (or not yet): only the login page can be read.
export function toLogin() {
  if (!leaving && document.body.dataset.page !== "login") leave("/login?next=" + encodeURIComponent(location.pathname + location.search));
}

export async function get(path) {
  const answer = await fetch(path, { cache: "no-store" });
  if (answer.status === 401) toLogin();
  if (!answer.ok) throw await problemOf(answer);
  return answer.json();
}

// null: not changed since it was last asked under this name.
export async function changed(name, path) {
  const headers = {};
  const known = tags.get(name);
  if (known && known.path === path) headers["If-None-Match"] = known.tag;
  const answer = await fetch(path, { headers, cache: "no-store" });
  if (answer.status === 304) return null;
  if (answer.status === 401) toLogin();
  if (!answer.ok) throw await problemOf(answer);
  const body = await answer.json();
  const tag = answer.headers.get("ETag");
  if (tag) tags.set(name, { path, tag });
  else tags.delete(name);
  return body;
}

export const forgetTags = () => tags.clear();

// The endpoint is not there in this agent: the page says so and leaves the rest as it is.
export async function getIfThere(path) {
  try {
    return await get(path);
  } catch (problem) {
    if (problem.status === 404) return null;
    throw problem;
  }
}

export async function post(path, body, csrf) {
  const headers = { "Content-Type": "application/json" };
  if (csrf) headers["X-CSRF-Token"] = csrf;
  const answer = await fetch(path, { method: "POST", headers, cache: "no-store", body: JSON.stringify(body) });
  if (!answer.ok) throw await problemOf(answer);
  return answer.status === 204 ? null : answer.json();
}

// Parameters that have a value, in the order given.
export function query(parameters) {
  const made = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== "") made.set(name, value);
  }
  return made.toString();
}
