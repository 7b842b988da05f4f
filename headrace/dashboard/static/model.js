// One model: what it did over time, what happened meanwhile, and what its requests and their data were like.

import { el, icon } from "/playground/dom.js";
import { bytes, changes, drift, duration, history, number, requests, share, slo, unix, why } from "./api.js";
import { bars, panel, timeline } from "./charts.js";
import { changesTable } from "./changes.js";
import { driftPanel } from "./drift.js";
import { glance, sums, versions } from "./models.js";
import { operatorsPanel } from "./operators.js";
import { requestsTable } from "./requests.js";
import { budgets } from "./alerts.js";

const MOST_VERSIONS = 3; // that have lines of their own

export async function modelView({ model }, period, now) {
  const [past, happened, found, drifted, lately, objectives] = await Promise.all([
    history(model, period),
    optional(changes(period, model)),
    optional(why(model, period)),
    optional(drift(model)),
    optional(requests({ model, limit: 10 })),
    optional(slo(model)),
  ]);
  const rows = now.models.filter((row) => row.name === model);
  const title = el("div", { className: "row" }, el("a", { href: "#", className: "icon", "aria-label": "All models" }, icon("back")), el("h1", {}, model));
  if (!rows.length) return [title, el("p", { className: "quiet" }, "There is no such model.")];
  const marks = (happened?.changes ?? []).map((each) => ({ at: unix(each.at), text: each.text ?? each.kind }));
  const all = sums(rows);
  const figures = glance([
    ["Requests a second", number(all.rate)],
    ["Errors a second", number(all.errors), all.errors ? "bad" : ""],
    all.tokens ? ["Tokens a second", number(all.tokens)] : null,
    ["p50", duration(all.p50)],
    ["p99", duration(all.p99)],
    ["Waiting", number(all.queued)],
    ["Memory", bytes(rows.reduce((total, row) => total + (row.memory_bytes ?? 0), 0) || null)],
  ]);
  return [
    title,
    figures,
    ...findings(found),
    ...(past ? charts(past, marks) : []),
    panel("Versions", "the last five seconds", versions(rows)),
    ...budgets(objectives),
    ...driftPanel(drifted),
    rows.some((row) => row.state === "READY") ? operatorsPanel(model) : null,
    happened ? panel("Changes", "", changesTable(happened.changes)) : null,
    lately ? panel("Latest requests", "", requestsTable(lately.requests)) : null,
  ].filter(Boolean);
}

/** What a server does not have, or cannot tell now, is left out. */
function optional(asked) {
  return asked.catch(() => null);
}

const LEAST_STEPS = 60; // that are drawn, also where there is less to see

/** Without the time before the first request: a server that has just started shows what it did, not that it was not. */
function trimmed(past) {
  const begun = past.all.rate.findIndex((rate, at) => rate || past.all.errors[at] || past.all.shed[at]);
  const cut = Math.max(0, Math.min(begun < 0 ? 0 : begun - 2, past.all.rate.length - LEAST_STEPS));
  const shorter = (lines) => Object.fromEntries(Object.entries(lines).map(([name, values]) => [name, values.slice(cut)]));
  const versions = Object.fromEntries(Object.entries(past.versions).map(([version, lines]) => [version, shorter(lines)]));
  return { ...past, since: past.since + cut * past.step_s, all: shorter(past.all), versions };
}

function charts(past, marks) {
  const { since, step_s: step, all, versions: each } = trimmed(past);
  const common = { since, step, marks };
  const names = Object.keys(each);
  const many = names.length > 1;
  const looks = ["one", "two", "three"];
  const byVersion = (quantity, word) =>
    many
      ? names.slice(-MOST_VERSIONS).map((version, at) => ({ name: `version ${version}${word}`, look: looks[at], values: each[version][quantity] }))
      : [{ name: word.trim() || quantity, look: "one", values: all[quantity] }];
  const failed = [
    { name: "errors", look: "wrong", values: all.errors },
    { name: "shed", look: "two", values: all.shed },
  ].filter(({ values }) => values.some(Boolean));
  const written = all.tokens.some(Boolean)
    ? [timeline({ ...common, title: "Tokens a second", lines: [{ name: "written", look: "one", values: all.tokens }] })]
    : [timeline({ ...common, title: "Rows in a run", lines: [{ name: "rows", look: "one", values: all.rows }] })];
  return [
    el("div", { className: "pair" },
      timeline({ ...common, title: "Requests a second", lines: [...byVersion("rate", many ? "" : "answered"), ...(many ? failed.slice(0, 1) : failed)] }),
      timeline({ ...common, title: "Latency", tell: duration, lines: many ? byVersion("p99_ms", " p99") : [{ name: "p99", look: "two", values: all.p99_ms }, { name: "p50", look: "one", values: all.p50_ms }] }),
      timeline({ ...common, title: "Waiting", tell: duration, lines: [{ name: "time in the queue, on average", look: "one", values: all.wait_ms }] }),
      timeline({ ...common, title: "Memory", tell: bytes, lines: byVersion("memory_bytes", many ? "" : "measured") }),
      ...written,
      bars("Why runs were closed", "", Object.entries(past.reasons)),
      bars("Requests by time", "at most", past.histogram.map(([ms, count]) => [ms === null ? "longer" : duration(ms), count])),
    ),
  ];
}

/** What is found to have changed, and why. */
function findings(found) {
  if (!found) return [];
  const told = found.findings.map(({ signal, at, ratio, cause, score, evidence }) => {
    const words = `${signal} changed at ${new Date(at).toLocaleTimeString("en-GB")} by ${number(ratio)}×: ${cause.kind}`;
    return el("div", { className: "finding" }, el("p", {}, words, " ", el("span", { className: "badge" }, `score ${share(score)}`)), el("ul", {}, evidence.map((line) => el("li", {}, line))));
  });
  return told.length ? [panel("What changed?", "", ...told)] : [];
}
