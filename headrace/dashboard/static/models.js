// Every version and what it does now.

import { el } from "/playground/dom.js";
import { bytes, duration, number, share } from "./api.js";
import { panel, table } from "./charts.js";

const LOOKS = { READY: "good", LOADING: "busy", UNLOADING: "busy" };

export function state(row) {
  const look = LOOKS[row.state] ?? (row.reason.startsWith("unloaded") ? "" : "bad");
  return el("span", { className: `state ${look}`, title: row.reason }, row.state.toLowerCase());
}

export function glance(figures) {
  const made = figures.filter(Boolean).map(([name, value, look]) => el("div", { className: look ?? "" }, el("dt", {}, name), el("dd", {}, value)));
  return el("dl", { className: "glance" }, made);
}

/** Sums over versions; the slowest stands for times. */
export function sums(rows) {
  const sum = (name) => rows.reduce((total, row) => total + (row[name] ?? 0), 0);
  const worst = (name) => rows.reduce((most, row) => (row[name] === null ? most : Math.max(most ?? 0, row[name])), null);
  return { rate: sum("rate"), errors: sum("errors_per_s"), shed: sum("shed_per_s"), queued: sum("queued"), tokens: sum("tokens_per_s"), p50: worst("p50_ms"), p99: worst("p99_ms") };
}

export async function modelsView(asked, period, now) {
  if (now === null) return [el("p", { className: "quiet" }, "This server keeps no history (history.enabled is false).")];
  const { models, server } = now;
  const all = sums(models);
  const ready = models.filter((row) => row.state === "READY").length;
  const figures = glance([
    ["Requests a second", number(all.rate)],
    ["Errors a second", number(all.errors), all.errors ? "bad" : ""],
    all.tokens ? ["Tokens a second", number(all.tokens)] : null,
    ["Slowest p99", duration(all.p99)],
    ["Waiting", number(all.queued)],
    ["Under way", number(server.in_flight)],
    ["Memory", memory(server)],
    ["Ready", `${ready} of ${models.length}`],
  ]);
  return [el("h1", { className: "unseen" }, "Models"), figures, panel("Versions", "the last five seconds", versions(models)), ...failures(models)];
}

function memory({ memory_bytes: measured, budget_bytes: budget }) {
  return budget ? [bytes(measured), el("small", {}, ` of ${bytes(budget)}`)] : bytes(measured);
}

export function versions(rows) {
  const columns = [
    "Model",
    "Version",
    "State",
    ...["Requests/s", "Errors/s", "p50", "p99", "Rows a run", "Waiting", "Memory", "Share"].map((name) => ({ name, number: true })),
  ];
  if (!rows.length) return el("p", { className: "none" }, "No models yet. Start the server with a folder that holds some.");
  return table("Versions", columns, rows.map((row) => [
    el("a", { href: `#${new URLSearchParams({ model: row.name })}` }, row.name),
    el("span", { className: "row" }, row.version || "–", row.labels.map((label) => el("span", { className: "badge" }, label))),
    state(row),
    number(row.rate),
    row.errors_per_s ? el("span", { className: "bad" }, number(row.errors_per_s)) : "0",
    duration(row.p50_ms),
    duration(row.p99_ms),
    number(row.rows),
    number(row.queued),
    bytes(row.memory_bytes),
    share(row.share),
  ]));
}

/** Why some are not served. */
function failures(rows) {
  const failed = rows.filter((row) => row.state === "UNAVAILABLE" && row.reason && !row.reason.startsWith("unloaded"));
  if (!failed.length) return [];
  return [panel("Not served", "", table("Not served", ["Model", "Version", { name: "Reason", wide: true }], failed.map((row) => [row.name, row.version || "–", row.reason])))];
}
