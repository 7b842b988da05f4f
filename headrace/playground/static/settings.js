// How an answer is asked for. A field that is empty leaves the choice to the server.

import { el, iconButton } from "./dom.js";
import { keep, kept } from "./store.js";

const FIELDS = [
  { name: "temperature", label: "Temperature", min: 0, max: 2, step: 0.1, about: "0 takes the likeliest word each time." },
  { name: "top_p", label: "Top p", min: 0.05, max: 1, step: 0.05, about: "Only the likeliest words that make up this share." },
  { name: "max_tokens", label: "Max tokens", min: 1, step: 1, about: "Where an answer is cut at the latest." },
  { name: "seed", label: "Seed", step: 1, about: "The same seed gives the same text again." },
];

/** {element, values(), system(), toggle(), button}: a panel beside the chat. */
export function settingsPanel() {
  const values = kept("settings", {});
  const changed = (name, value) => {
    if (value === "" || value === null || Number.isNaN(value)) delete values[name];
    else values[name] = value;
    keep("settings", values);
  };
  const system = el("textarea", {
    id: "system", rows: 4, value: values.system ?? "", placeholder: "You are a helpful assistant.",
    oninput: () => changed("system", system.value),
  });
  const element = el(
    "aside", { id: "settings", "aria-label": "Settings" },
    el("header", {}, el("h2", {}, "Settings"), iconButton("close", "Close the settings", () => toggle(false))),
    el("label", { htmlFor: "system" }, "System prompt"), system,
    FIELDS.map((field) => control(field, values, changed)),
  );
  const button = iconButton("sliders", "Settings", () => toggle(element.hidden), { "aria-controls": "settings" });
  const toggle = (opened) => {
    element.hidden = !opened;
    button.setAttribute("aria-expanded", String(opened));
  };
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    toggle(false);
    button.focus();
  });
  toggle(matchMedia("(min-width: 75rem)").matches);
  const numbers = () => Object.fromEntries(FIELDS.map(({ name }) => [name, values[name]]).filter(([, value]) => value !== undefined));
  return { element, button, values: numbers, system: () => (values.system ?? "").trim() };
}

function control({ name, label, min, max, step, about }, values, changed) {
  const number = el("input", { id: name, type: "number", min, max, step, value: values[name] ?? "", placeholder: "auto", inputMode: "decimal" });
  const range = max === undefined ? null : el("input", { type: "range", min, max, step, value: values[name] ?? 1, "aria-label": label });
  const dim = () => range?.classList.toggle("unset", number.value === "");
  number.addEventListener("input", () => {
    changed(name, number.valueAsNumber);
    if (range && number.value !== "") range.value = number.value;
    dim();
  });
  range?.addEventListener("input", () => {
    number.value = range.value;
    changed(name, range.valueAsNumber);
    dim();
  });
  dim();
  return el("div", { className: "control" }, el("label", { htmlFor: name }, label), number, range, el("small", {}, about));
}
