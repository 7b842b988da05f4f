// What requests cost: device time, and money where the settings say what an hour costs.

import { el } from "/playground/dom.js";
import { costs, duration, number } from "./api.js";
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

function whole({ idle_seconds: idle, busy_seconds: busy, per_hour: perHour }) {
  const price = perHour ? `, at $${number(perHour)} an hour` : "; cost.per_hour makes money of it";
  return `busy ${duration(busy * 1000)}, idle ${duration(idle * 1000)} since the start${price}`;
}

function costTable(caption, first, { costs: rows, per_hour: perHour }) {
  if (!rows.length) return el("p", { className: "none" }, "Nothing yet.");
  const money = perHour ? ["Cost", "Per 1,000 requests", "Per million tokens"].map((name) => ({ name, number: true })) : [];
  const columns = [first, { name: "Requests", number: true }, { name: "Device time", number: true }, ...money];
  return table(caption, columns, rows.map((row) => [
    row.model ?? (row.tenant || "–"),
    number(row.requests),
    duration(row.device_seconds * 1000),
    ...(perHour ? [row.usd, row.usd_per_1000_requests, row.usd_per_million_tokens].map((usd) => (usd === null || usd === undefined ? "–" : `$${number(usd)}`)) : []),
  ]));
}
