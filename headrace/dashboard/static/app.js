// The page: which view is open, over which period, and looking again every few seconds.

import { el, failure } from "/playground/dom.js";
import { keep, kept } from "/playground/store.js";
import { colours } from "/playground/theme.js";
import { alerts, bytes, duration, overview } from "./api.js";
import { alertsView } from "./alerts.js";
import { changesView } from "./changes.js";
import { costsView } from "./costs.js";
import { logsView } from "./logs.js";
import { modelView } from "./model.js";
import { modelsView } from "./models.js";
import { requestsView } from "./requests.js";

const AGAIN_MS = 5000;
const PERIODS = { 900: "15 minutes", 3600: "1 hour", 21600: "6 hours", 86400: "1 day", 604800: "7 days", 3024000: "35 days" };
const VIEWS = {
  models: ["Models", modelsView],
  requests: ["Requests", requestsView],
  changes: ["Changes", changesView],
  alerts: ["Alerts", alertsView],
  costs: ["Costs", costsView],
  logs: ["Log", logsView],
};
const byId = (id) => document.getElementById(id);
let timer = 0;
let turn = 0; // a view that was left while it was asked for is not shown
let led = ""; // the view whose tab was brought into sight: where the reader scrolls to after that stays

/** What the address says: {view, model, id}. */
function place() {
  const said = new URLSearchParams(location.hash.slice(1));
  const view = said.get("view") ?? "models";
  return { view: view in VIEWS ? view : "models", model: said.get("model"), id: said.get("id") };
}

function tabs(firing) {
  const { view, model } = place();
  byId("tabs").replaceChildren(
    ...Object.entries(VIEWS).map(([name, [title]]) => {
      const count = name === "alerts" && firing ? el("span", { className: "count" }, `${firing}`) : null;
      const current = !model && name === view ? { "aria-current": "page" } : {};
      return el("a", { href: `#view=${name}`, ...current }, title, count);
    }),
  );
  if (view !== led) byId("tabs").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  led = view;
}

/** Ask anew and show it; what the reader has opened, chosen or scrolled to stays as it is. */
async function refresh() {
  clearTimeout(timer);
  const mine = (turn += 1);
  const asked = place();
  const period = Number(byId("period").value);
  try {
    const [now, told] = await Promise.all([overview(), alerts().catch(() => null)]);
    const firing = told?.alerts?.filter((each) => each.state === "firing").length ?? 0;
    const content = asked.model ? await modelView(asked, period, now) : await VIEWS[asked.view][1](asked, period, now, told);
    if (mine !== turn) return;
    tabs(firing);
    show(asked, content);
    foot(now?.server);
  } catch (error) {
    if (mine !== turn) return;
    byId("view").replaceChildren(failure(error.message, refresh));
  }
  if (!document.hidden) timer = setTimeout(refresh, AGAIN_MS);
}

function show({ view, model }, content) {
  const main = byId("view");
  const key = model ? `model ${model}` : view;
  const same = main.dataset.key === key;
  if (same && (main.contains(document.activeElement) && document.activeElement !== main || main.querySelector("details[open], :hover > .tip:not([hidden])"))) {
    if (main.querySelector("details[open]") || document.activeElement.matches("input, select, textarea, summary")) return;
  }
  const focus = same ? position(main, document.activeElement) : null;
  const scrolled = [...main.querySelectorAll(".scroll, .log")].map((each) => [each.scrollLeft, each.scrollTop]);
  main.replaceChildren(...content);
  main.dataset.key = key;
  document.title = `${model ?? VIEWS[view][0]} – headrace dashboard`;
  if (!same) return scrollTo(0, 0);
  [...main.querySelectorAll(".scroll, .log")].forEach((each, at) => scrolled[at] && each.scrollTo(...scrolled[at]));
  if (focus !== null) focusable(main)[focus]?.focus({ preventScroll: true });
}

const focusable = (main) => [...main.querySelectorAll("a, button, input, select, textarea, summary, [tabindex]")];

function position(main, element) {
  const at = focusable(main).indexOf(element);
  return at < 0 ? null : at;
}

function foot(server) {
  if (!server) return;
  const parts = [`headrace ${server.version}`, `up ${duration(server.uptime_s * 1000)}`, `${bytes(server.memory_bytes)} of memory`];
  byId("foot").textContent = parts.join(" · ");
}

byId("period").append(...Object.entries(PERIODS).map(([seconds, name]) => el("option", { value: seconds }, name)));
byId("period").value = kept("period", "3600");
byId("period").onchange = () => {
  keep("period", byId("period").value);
  refresh();
};
colours(byId("theme-button"));
addEventListener("hashchange", () => {
  byId("view").focus({ preventScroll: true });
  refresh();
});
document.addEventListener("visibilitychange", () => !document.hidden && refresh());
tabs(0);
refresh();
