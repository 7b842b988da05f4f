// What requests cost: device time, and money where the settings say what an hour costs.

import { el } from "/playground/dom.js";
import { costs, duration, moment, number, share } from "./api.js";
import { panel, table } from "./charts.js";

export async function costsView() {
  const [models, tenants] = await Promise.all([costs("model"), costs("tenant")]);
  if (models === null) return [el("p", { className: "quiet" }, "This server does not count what requests cost.")];
  return [
    el("h1", { className: "unseen" }, "Costs"),
    panel("By model", whole(models), costTable("By model", "Model", models)),
    panel("By tenant", "", costTable("By tenant", "Tenant", tenants)),
  ];
}

function whole({ idle_s: idle, busy_s: busy, per_hour: perHour, usd, since }) {
  const price = perHour ? `, $${number(usd)} at $${number(perHour)} an hour` : "; cost.per_hour makes money of it";
  return `since ${moment(since)}: busy ${duration(busy * 1000)}, idle ${duration(idle * 1000)}${price}`;
}

function costTable(caption, first, { costs: rows, per_hour: perHour }) {
  if (!rows.length) return el("p", { className: "none" }, "Nothing yet.");
  const money = perHour ? ["Cost", "Per 1,000 requests", "Per million tokens"] : ["Per 1,000 requests"];
  const columns = [first, ...["Requests", "Tokens", "Device time", ...money].map((name) => ({ name, number: true })), "Spent on"];
  return table(caption, columns, rows.map((row) => [
    row.model ?? (row.tenant || "–"),
    number(row.requests),
    row.tokens ? number(row.tokens) : "–",
    duration(row.device_s * 1000),
    ...(perHour ? [row.usd, row.usd_per_1000_requests, row.usd_per_million_tokens].map(dollars) : [seconds(row.device_s_per_1000_requests)]),
    Object.entries(row.phases).map(([phase, spent]) => `${phase} ${share(row.device_s ? spent / row.device_s : 0)}`).join(", "),
  ]));
}

function dollars(usd) {
  return usd === null || usd === undefined ? "–" : `$${number(usd)}`;
}

function seconds(value) {
  return value === null || value === undefined ? "–" : duration(value * 1000);
}
