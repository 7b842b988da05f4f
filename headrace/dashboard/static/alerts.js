// What is wrong now, and how fast error budgets are spent.

import { el } from "/playground/dom.js";
import { moment, number, share } from "./api.js";
import { panel, table } from "./charts.js";

export async function alertsView(asked, period, now, told) {
  if (!told) return [el("p", { className: "quiet" }, "This server has no alerts.")];
  const firing = told.alerts.filter((each) => each.state === "firing");
  const others = told.alerts.filter((each) => each.state !== "firing");
  return [
    el("h1", { className: "unseen" }, "Alerts"),
    panel("Firing", "", firing.length ? alertsTable("Firing", firing) : el("p", { className: "none" }, "Nothing is wrong.")),
    ...(others.length ? [panel("Others", "not sure yet, or over", alertsTable("Others", others))] : []),
    ...(told.silences.length ? [panel("Silences", "", silencesTable(told.silences))] : []),
    panel("Who is told", "", told.receivers.length ? receiversTable(told.receivers) : el("p", { className: "none" }, "Nobody: alerts.webhook, alerts.alertmanager and alerts.smtp say who.")),
  ];
}

function alertsTable(caption, found) {
  const columns = ["Since", "Alert", "State", "Of", { name: "What", wide: true }, { name: "What to do", wide: true }];
  return table(caption, columns, found.map((each) => [
    moment(each.since),
    each.alert,
    el("span", { className: `state ${each.state === "firing" ? "bad" : each.state === "pending" ? "busy" : ""}` }, each.silenced_by ? `${each.state}, silenced` : each.state),
    labels(each.labels),
    each.summary,
    each.what_to_do,
  ]));
}

function labels(found) {
  return Object.entries(found).map(([name, value]) => `${name} ${value}`).join(", ") || "–";
}

function silencesTable(found) {
  return table("Silences", ["Until", "Of", { name: "Why", wide: true }], found.map((each) => [moment(each.until), labels(each.match), each.reason || "–"]));
}

function receiversTable(found) {
  const columns = ["Receiver", { name: "Sent", number: true }, { name: "Left out", number: true }, { name: "Fault", wide: true }];
  return table("Who is told", columns, found.map((each) => [each.name, number(each.sent), number(each.dropped), each.fault ?? "–"]));
}

/** A model's objectives and what is left of their error budgets; nothing where it has none. */
export function budgets(told) {
  const objectives = told?.objectives ?? [];
  if (!objectives.length) return [];
  const windows = [...new Set(objectives.flatMap((each) => Object.keys(each.burn_rates ?? {})))];
  const columns = ["Objective", { name: "Target", number: true }, { name: "Budget left", number: true }, ...windows.map((name) => ({ name: `Burn ${name}`, number: true }))];
  const rows = objectives.map((each) => [
    each.limit_ms ? `${each.objective}, ${number(each.limit_ms)} ms` : each.objective,
    share(each.target),
    el("span", { className: each.budget_remaining !== null && each.budget_remaining <= 0 ? "bad" : "" }, share(each.budget_remaining)),
    ...windows.map((name) => number(each.burn_rates?.[name])),
  ]);
  return [panel("Objectives", "of the last 30 days", table("Objectives", columns, rows))];
}
