// What the page asks of the server, and numbers as people read them.

/** What the server said went wrong, in words. */
export class Refusal extends Error {}

/** JSON of a path; null where this server does not have it. Raises Refusal. */
export async function ask(path, body) {
  let response;
  try {
    response = await fetch(path, body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  } catch {
    throw new Refusal("The server does not answer.");
  }
  if (response.status === 404) return null;
  const text = await response.text();
  let said = null;
  try {
    said = JSON.parse(text);
  } catch {
    if (response.ok) throw new Refusal("The server answered something else than JSON.");
  }
  if (!response.ok) throw new Refusal(said?.error ?? `The server answered ${response.status}.`);
  return said;
}

const path = encodeURIComponent;
export const overview = () => ask("/v2/headrace/overview");
export const history = (model, since) => ask(`/v2/headrace/history/${path(model)}?since=${since}&steps=720`);
export const changes = (since, model) => ask(`/v2/headrace/changes?since=${since}${model ? `&model=${path(model)}` : ""}`);
export const why = (model, since) => ask(`/v2/headrace/why/${path(model)}?since=${since}`);
export const drift = (model) => ask(`/v2/headrace/drift/${path(model)}`);
export const requests = (query) => ask(`/v2/headrace/requests?${new URLSearchParams(query)}`);
export const request = (id) => ask(`/v2/headrace/requests/${path(id)}`);
export const costs = (by) => ask(`/v2/headrace/costs?by=${by}`);
export const alerts = () => ask("/v2/headrace/alerts");
export const slo = (model) => ask(`/v2/headrace/slo/${path(model)}`);
export const operators = (model) => ask(`/v2/headrace/profile?operators=${path(model)}`, {});
export const logLines = () => ask("/v2/headrace/log/lines?limit=300");

/** A number in few digits: 12,345 · 123 · 12.3 · 1.23 · 0.012; a dash where there is none. */
export function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && size < 0.001) return value.toExponential(1);
  const digits = size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Milliseconds in the unit that suits. */
export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms >= 60_000) return `${number(ms / 60_000)} min`;
  if (ms >= 1000) return `${number(ms / 1000)} s`;
  return ms !== 0 && ms < 1 ? `${number(ms * 1000)} µs` : `${number(ms)} ms`;
}

export function bytes(value) {
  if (value === null || value === undefined) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const at = value > 0 ? Math.min(units.length - 1, Math.floor(Math.log2(value) / 10)) : 0;
  return `${number(Number((value / 1024 ** at).toPrecision(3)))} ${units[at]}`;
}

export function share(value) {
  return value === null || value === undefined ? "–" : `${number(Number((value * 100).toPrecision(3)))} %`;
}

/** A moment (Unix seconds, or text that Date reads) as a time of day, with the date where that is not today's. */
export function moment(said) {
  const at = typeof said === "number" ? new Date(said * 1000) : new Date(said);
  if (Number.isNaN(at.getTime())) return "–";
  const time = at.toLocaleTimeString("en-GB");
  return at.toDateString() === new Date().toDateString() ? time : `${at.toLocaleDateString("en-CA")} ${time}`;
}

export function unix(said) {
  return typeof said === "number" ? said : new Date(said).getTime() / 1000;
}
