// Elements from values. Text is always set as text; no string ever becomes markup.

/** An element with properties (`on*` are listeners, `aria-*`, `data-*`, `role` and the like attributes) and children. */
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && !name.includes("-")) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** One of the page's symbols. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

export function iconButton(name, label, onclick, properties = {}) {
  return el("button", { type: "button", className: "icon", "aria-label": label, title: label, onclick, ...properties }, icon(name));
}

/** A button that copies what `text()` gives, and says so for a moment. */
export function copyButton(text, label = "Copy") {
  const button = iconButton("copy", label, async () => {
    const done = await copied(text());
    button.replaceChildren(icon(done ? "check" : "warning"));
    announce(done ? "Copied" : "The browser did not allow copying");
    setTimeout(() => button.replaceChildren(icon("copy")), 1500);
  });
  return button;
}

/** Tell who listens instead of looking. */
export function announce(text) {
  document.getElementById("status").textContent = text;
}

export function failure(text, again) {
  const button = again ? el("button", { type: "button", className: "plain", onclick: again }, "Try again") : null;
  return el("div", { className: "failure", role: "alert" }, icon("warning"), el("p", {}, text), button);
}

// The clipboard is for secure contexts; elsewhere (a server on the local network) the selection does it.
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = el("textarea", { value: text, className: "unseen" });
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
