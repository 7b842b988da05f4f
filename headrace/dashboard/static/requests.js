// The latest requests, the slow and the failed ones, and where the time of one went.

import { el, icon } from "/playground/dom.js";
import { duration, moment, number, request, requests } from "./api.js";
import { panel, phases, table } from "./charts.js";

export async function requestsView({ id }) {
  if (id) return [await waterfall(id)];
  const [latest, slow] = await Promise.all([requests({ limit: 50 }), requests({ slow: 1, limit: 50 })]);
  if (latest === null) return [el("p", { className: "quiet" }, "This server keeps no requests.")];
  return [
    el("h1", { className: "unseen" }, "Requests"),
    finder(),
    panel("Slow and failed", "of the last hour", requestsTable(slow?.requests ?? [])),
    panel("Latest", "", requestsTable(latest.requests)),
  ];
}

/** Asks for a request by its id. */
function finder() {
  const field = el("input", { type: "search", className: "search", placeholder: "X-Request-Id, or a trace's id", "aria-label": "Find a request by its id" });
  const go = (event) => {
    event.preventDefault();
    if (field.value.trim()) location.hash = address(field.value.trim());
  };
  return el("form", { className: "row", onsubmit: go }, field, el("button", { className: "plain small" }, "Find"));
}

const address = (id) => `#${new URLSearchParams({ view: "requests", id })}`;

export function requestsTable(found) {
  if (!found.length) return el("p", { className: "none" }, "None yet.");
  const columns = ["When", "Request", "Model", "Version", "Protocol", "Tenant", { name: "Rows", number: true }, { name: "Took", number: true }, "Outcome"];
  return table("Requests", columns, found.map((each) => [
    moment(each.at),
    each.id ? el("a", { href: address(each.id), className: "mono" }, each.id) : "–",
    each.model,
    each.version || "–",
    each.protocol,
    each.tenant || "–",
    number(each.rows),
    duration(each.ms),
    each.code === "ok" ? "ok" : el("span", { className: "bad" }, each.code),
  ]));
}

async function waterfall(id) {
  const back = el("div", { className: "row" }, el("a", { href: "#view=requests", className: "icon", "aria-label": "All requests" }, icon("back")), el("h1", {}, `Request ${id}`));
  const found = await request(id);
  if (found === null) return el("div", {}, back, el("p", { className: "none" }, "It is not known any more: the last 10,000 are, and for an hour those that were slow or failed."));
  const parts = found.phases.map(({ name, start_ms: start, ms }) => ({ name, start, length: ms, words: duration(ms) }));
  const whole = Math.max(found.ms, ...parts.map(({ start, length }) => start + length));
  return el("div", { className: "stack" }, back,
    panel("Where its time went", duration(found.ms), phases(parts, whole)),
    panel("Facts", "", table("Facts", ["Name", { name: "Value", wide: true }], facts(found))),
  );
}

/** What is known of it, in rows; its run and its generation line by line. */
function facts({ phases: parts, batch, generation, ...own }) {
  const rows = Object.entries(own).filter(([, value]) => value !== "" && value !== null && value !== false);
  const told = rows.map(([name, value]) => [name, name === "at" ? moment(value) : name === "ms" ? duration(value) : `${value}`]);
  const { members = [], ...run } = batch ?? {};
  for (const [group, values] of [["run", run], ["generation", generation ?? {}]]) {
    for (const [name, value] of Object.entries(values)) if (value !== "") told.push([`${group}: ${name.replaceAll("_", " ")}`, `${value}`]);
  }
  const others = members.filter((id) => id && id !== own.id);
  if (others.length) told.push(["in the same run", el("span", { className: "row" }, others.map((id) => el("a", { href: address(id), className: "mono" }, id)))]);
  return told;
}
