// Light, dark, or as the system has it: one choice for all pages.

import { keep, kept } from "./store.js";

const THEMES = { auto: "as the system", light: "light", dark: "dark" };

/** Paint the page as it was chosen; the button goes on to the next choice. */
export function colours(button) {
  button.onclick = () => {
    const names = Object.keys(THEMES);
    const next = names[(names.indexOf(document.documentElement.dataset.theme) + 1) % names.length];
    keep("theme", next);
    paint(next, button);
  };
  paint(kept("theme", "auto"), button);
}

function paint(theme, button) {
  document.documentElement.dataset.theme = theme;
  const label = `Colours: ${THEMES[theme]}`;
  button.setAttribute("aria-label", label);
  button.title = label;
}
