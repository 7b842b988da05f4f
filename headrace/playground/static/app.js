// The page: which models there are, which one is looked at, and light or dark.

import { chatView } from "./chat.js";
import { el, failure } from "./dom.js";
import { chattingModels, hasDashboard, languageFacts, languageModels, listModels, serverFacts } from "./server.js";
import { tensorView } from "./tensors.js";
import { colours } from "./theme.js";

const AGAIN_MS = 2000; // while a model is loading, or none is there
const byId = (id) => document.getElementById(id);
const views = new Map(); // by model and kind: what was begun goes on while another is looked at
let models = [];
let shown = "";
let timer = 0;

/** What the address says: {name, kind}. */
function place() {
  const said = new URLSearchParams(location.hash.slice(1));
  return { name: said.get("model"), kind: said.get("view") ?? "" };
}

function address(name, kind) {
  const said = new URLSearchParams({ model: name, ...(kind ? { view: kind } : {}) });
  return `#${said}`;
}

async function refresh() {
  clearTimeout(timer);
  let found = null;
  try {
    const [all, speaking, chatting] = await Promise.all([listModels(), languageModels(), chattingModels()]);
    found = all.map((model) => ({ ...model, speaks: speaking.has(model.name), chats: chatting.has(model.name) }));
  } catch (error) {
    byId("list").replaceChildren(failure(error.message, refresh));
    return;
  }
  if (JSON.stringify(found) !== JSON.stringify(models) || !byId("list").querySelector("ul")) {
    models = found;
    list();
  }
  open();
  if (!models.length || models.some((model) => model.state === "LOADING")) timer = setTimeout(refresh, AGAIN_MS);
}

function list() {
  const groups = [
    ["Language models", models.filter((model) => model.speaks)],
    ["Tensor models", models.filter((model) => model.state === "READY" && !model.speaks)],
    ["Not ready", models.filter((model) => model.state !== "READY")],
  ];
  const made = groups.filter(([, group]) => group.length).flatMap(([title, group]) => [
    el("h2", {}, title),
    el("ul", {}, group.map(entry)),
  ]);
  const nothing = el("p", { className: "quiet" }, "No models yet. Start the server with a folder that holds some: headrace serve FOLDER");
  byId("list").replaceChildren(...(made.length ? made : [nothing]));
  mark();
}

function entry({ name, state, reason, versions }) {
  const version = versions.length > 1 ? `${versions.length} versions` : "";
  if (state !== "READY") {
    const why = reason || state.toLowerCase();
    return el("li", {}, el("div", { className: "entry off" }, el("span", { className: "name" }, name), el("small", {}, why)));
  }
  const label = el("span", { className: "name" }, name);
  return el("li", {}, el("a", { className: "entry", href: address(name), "data-model": name }, label, version ? el("small", {}, version) : null));
}

function mark() {
  const { name } = current();
  for (const link of byId("list").querySelectorAll("a")) {
    if (link.dataset.model === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** What the address asks for, or else the first that can be talked with, that speaks, or is ready at all. */
function current() {
  const { name, kind } = place();
  const ready = models.filter((model) => model.state === "READY");
  const first = ready.find((each) => each.chats) ?? ready.find((each) => each.speaks) ?? ready[0];
  const model = name ? models.find((each) => each.name === name) : first;
  return { name: model?.name ?? name, kind, model };
}

async function open() {
  const { name, kind, model } = current();
  mark();
  const key = `${name} ${kind} ${model?.state} ${model?.speaks}`;
  if (key === shown) return;
  shown = key;
  title(name ?? "headrace", "");
  if (!model || model.state !== "READY") {
    const why = model ? (model.reason || `It is ${model.state.toLowerCase()}.`) : name ? "There is no such model." : "No model is ready.";
    byId("view").replaceChildren(el("div", { className: "empty" }, el("p", {}, why)));
    return;
  }
  if (!views.has(key)) views.set(key, view(model, kind));
  try {
    const made = await views.get(key);
    if (shown !== key) return;
    title(name, made.about);
    byId("tools").replaceChildren(...tabs(model, made), ...made.tools);
    byId("view").replaceChildren(made.element);
    made.focus?.();
  } catch (error) {
    views.delete(key);
    const again = () => {
      shown = "";
      open();
    };
    byId("view").replaceChildren(failure(error.message, again));
  }
}

async function view({ name, speaks }, kind) {
  if (!speaks) return { ...(await tensorView(name)), generates: false };
  const facts = await languageFacts(name);
  const tensors = kind === "tensors" || !facts.generates;
  return { ...(tensors ? await tensorView(name) : chatView(name, facts)), generates: facts.generates };
}

function tabs({ name, speaks }, { generates }) {
  if (!speaks || !generates) return [];
  const { kind } = place();
  const tab = (label, of) => el("a", { href: address(name, of), "aria-current": kind === of ? "page" : undefined }, label);
  return [el("div", { className: "tabs" }, tab("Chat", ""), tab("Tensors", "tensors"))];
}

function title(name, about) {
  byId("title").querySelector("h1").textContent = name;
  byId("title").querySelector("p").textContent = about;
  byId("tools").replaceChildren();
  document.title = `${name} · headrace`;
}

// ---- the list on a narrow screen

function drawer(opened) {
  document.body.classList.toggle("drawer", opened);
  byId("shade").hidden = !opened;
  byId("open-models").setAttribute("aria-expanded", String(opened));
  (opened ? byId("close-models") : byId("open-models")).focus();
}

byId("open-models").onclick = () => drawer(true);
byId("close-models").onclick = () => drawer(false);
byId("shade").onclick = () => drawer(false);
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.body.classList.contains("drawer")) drawer(false);
});
addEventListener("hashchange", () => {
  if (document.body.classList.contains("drawer")) drawer(false);
  open();
});
addEventListener("focus", refresh);

colours(byId("theme-button"));
refresh();
serverFacts().then(({ version }) => (byId("version").textContent = version)).catch(() => {});
hasDashboard().then((there) => (byId("dashboard").hidden = !there)).catch(() => {});
