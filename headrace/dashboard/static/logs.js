// The last lines of the server's log.

import { el } from "/playground/dom.js";
import { logLines } from "./api.js";
import { panel } from "./charts.js";

export async function logsView() {
  const told = await logLines();
  if (told === null) return [el("p", { className: "quiet" }, "This server does not show its log.")];
  const text = told.lines.join("\n");
  return [el("h1", { className: "unseen" }, "Log"), panel("Log", "the last lines", el("pre", { className: "log", tabindex: 0, role: "region", "aria-label": "Log" }, text || "Nothing yet."))];
}
