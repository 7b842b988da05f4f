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
    panel("Firing", "", firing.length ? alertsTable(firing) : el("p", { className: "none" }, "Nothing is wrong.")),
    ...(others.length ? [panel("Others", "waiting, silenced or over", alertsTable(others))] : []),
  ];
}

function alertsTable(found) {
  return table("Alerts", ["Since", "Alert", "Model", "State", { name: "What", wide: true }], found.map((each) => [
    moment(each.since),
    each.name,
    each.model || "–",
    el("span", { className: `state ${each.state === "firing" ? "bad" : "busy"}` }, each.state),
    each.text,
  ]));
}

/** A model's objectives and what is left of their error budgets; nothing where it has none. */
export function budgets(told) {
  const objectives = told?.objectives ?? [];
  if (!objectives.length) return [];
  const windows = [...new Set(objectives.flatMap((each) => Object.keys(each.burn_rates ?? {})))];
  const columns = ["Objective", { name: "Target", number: true }, { name: "Budget left", number: true }, ...windows.map((name) => ({ name: `Burn ${name}`, number: true }))];
  const rows = objectives.map((each) => [
    each.objective,
    share(each.target),
    el("span", { className: each.budget_remaining <= 0 ? "bad" : "" }, share(each.budget_remaining)),
    ...windows.map((name) => number(each.burn_rates?.[name])),
  ]);
  return [panel("Objectives", "of the last 30 days", table("Objectives", columns, rows))];
}
