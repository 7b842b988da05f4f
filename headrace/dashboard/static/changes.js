// What happened to the server and its models, newest first.

import { el } from "/playground/dom.js";
import { changes, moment } from "./api.js";
import { panel, table } from "./charts.js";

export async function changesView(asked, period) {
  const told = await changes(period);
  const content = told ? changesTable(told.changes) : el("p", { className: "none" }, "This server keeps no log of changes.");
  return [el("h1", { className: "unseen" }, "Changes"), panel("Changes", "newest first", content)];
}

export function changesTable(found) {
  if (!found.length) return el("p", { className: "none" }, "Nothing changed in this time.");
  const columns = ["When", "Kind", "Model", "Version", { name: "What", wide: true }];
  return table("Changes", columns, found.map((each) => [
    moment(each.at),
    each.kind,
    each.model ? el("a", { href: `#${new URLSearchParams({ model: each.model })}` }, each.model) : "–",
    each.version || "–",
    each.text ?? "",
  ]));
}
