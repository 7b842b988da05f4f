// Charts as SVG made of elements. Each has its numbers as a table beside it, for who cannot see lines.

import { el } from "/playground/dom.js";
import { bytes, moment, number } from "./api.js";

const SPACE = "http://www.w3.org/2000/svg";
const WIDTH = 480;
const HEIGHT = 140;
const LEFT = 58;
const BOTTOM = 18;
const TOP = 8;

function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.flat());
  return made;
}

/** The highest line of a scale: 1, 2 or 5 times a power of ten of the unit, not below the value. */
function above(value, unit) {
  if (!(value > 0)) return unit;
  const power = 10 ** Math.floor(Math.log10(value / unit)) * unit;
  return [1, 2, 5, 10].find((step) => step * power >= value) * power;
}

/** What bytes are counted in: the largest of B, KiB, MiB, ... that is not above the value. */
function binary(value) {
  return 1024 ** Math.max(0, Math.floor(Math.log2(Math.max(1, value)) / 10));
}

/**
 * Lines over time. `lines` are {name, look, values}, one value a step, null where there is none; `look` is one, two,
 * three or wrong. `marks` are {at, text}: what happened meanwhile. `tell` makes words of a value.
 */
export function timeline({ title, since, step, lines, marks = [], tell = number, note = "" }) {
  const steps = lines[0].values.length;
  const highest = Math.max(0, ...lines.flatMap((line) => line.values.filter((value) => value !== null)));
  const most = above(highest, tell === bytes ? binary(highest) : 1);
  const x = (at) => LEFT + ((WIDTH - LEFT) * (at + 0.5)) / Math.max(1, steps);
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / most);
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": summary(title, lines, tell) });
  for (const part of [0, 0.5, 1]) {
    picture.append(svg("line", { class: "grid", x1: LEFT, x2: WIDTH, y1: y(most * part), y2: y(most * part) }));
    picture.append(label(LEFT - 6, y(most * part) + 4, "end", tell(most * part)));
  }
  for (const part of [0, 0.5, 1]) {
    const anchor = ["start", "middle", "end"][part * 2];
    picture.append(label(LEFT + (WIDTH - LEFT) * part, HEIGHT - 3, anchor, moment(since + step * steps * part)));
  }
  for (const { at, text } of marks) {
    const where = x((at - since) / step - 0.5);
    if (where < LEFT || where > WIDTH) continue;
    picture.append(svg("line", { class: "mark", x1: where, x2: where, y1: TOP, y2: HEIGHT - BOTTOM }, svg("title", {}, text)));
  }
  for (const { look, values } of lines) picture.append(svg("path", { class: look, d: pathOf(values, x, y) }));
  const chart = el("div", { className: "chart" }, picture);
  follow(chart, picture, steps, (at) => [moment(since + at * step), ...lines.map(({ name, values }) => `${name}  ${tell(values[at])}`)], x);
  const legend = el("div", { className: "legend", "aria-hidden": "true" }, lines.map(({ name, look }) => el("span", { className: look }, name)));
  return panel(title, note, legend, chart, numbers(title, ["Time", ...lines.map(({ name }) => name)], rowsOf(since, step, lines, tell)));
}

/** Values that are null break the line; one alone is a dot. */
function pathOf(values, x, y) {
  let path = "";
  let drawing = false;
  values.forEach((value, at) => {
    if (value === null) {
      drawing = false;
      return;
    }
    const point = `${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    path += drawing ? `L${point}` : `M${point}h0.01`;
    drawing = true;
  });
  return path;
}

function label(x, y, anchor, text) {
  return svg("text", { x, y, "text-anchor": anchor }, text);
}

function summary(title, lines, tell) {
  const parts = lines.map(({ name, values }) => {
    const known = values.filter((value) => value !== null);
    return known.length ? `${name} from ${tell(Math.min(...known))} to ${tell(Math.max(...known))}, last ${tell(known.at(-1))}` : `${name}: none`;
  });
  return `${title}: ${parts.join("; ")}`;
}

/** The numbers under the pointer. */
function follow(chart, picture, steps, words, x) {
  const tip = el("div", { className: "tip", hidden: true, "aria-hidden": "true" });
  const cross = svg("line", { class: "cross", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" });
  picture.append(cross);
  chart.append(tip);
  const hide = () => {
    tip.hidden = true;
    cross.setAttribute("visibility", "hidden");
  };
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const inside = ((event.clientX - box.left) / box.width) * WIDTH - LEFT;
    const at = Math.floor((inside / (WIDTH - LEFT)) * steps);
    if (at < 0 || at >= steps) return hide();
    tip.textContent = words(at).join("\n");
    tip.hidden = false;
    const left = event.clientX - box.left;
    tip.style.left = `${left > box.width / 2 ? left - tip.offsetWidth : left + 28}px`;
    cross.setAttribute("visibility", "visible");
    cross.setAttribute("x1", x(at));
    cross.setAttribute("x2", x(at));
  });
  picture.addEventListener("pointerleave", hide);
}

/** At most sixty rows: of a long time every so many steps, which the caption of the table says. */
function rowsOf(since, step, lines, tell) {
  const steps = lines[0].values.length;
  const each = Math.max(1, Math.ceil(steps / 60));
  const rows = [];
  for (let at = steps - 1; at >= 0; at -= each) rows.push([moment(since + at * step), ...lines.map(({ values }) => tell(values[at]))]);
  return rows;
}

/** A part of the page with a heading. */
export function panel(title, note, ...content) {
  const heading = el("header", {}, el("h2", {}, title), note instanceof Node ? note : note ? el("span", { className: "quiet" }, note) : null);
  return el("section", { className: "panel", "aria-label": title }, heading, ...content.filter(Boolean));
}

/** A table whose columns are {name, number?, wide?}, or plain names. Cells are text or elements; the first is the row's head. */
export function table(caption, columns, rows) {
  const known = columns.map((column) => (typeof column === "string" ? { name: column } : column));
  const cell = (content, at) =>
    el(at ? "td" : "th", { className: known[at].number ? "number" : known[at].wide ? "wide" : "", ...(at ? {} : { scope: "row" }) }, content ?? "–");
  const head = known.map(({ name, number: numeric }) => el("th", { scope: "col", className: numeric ? "number" : "" }, name));
  const body = rows.map((row) => el("tr", {}, row.map(cell)));
  const made = el("table", {}, el("caption", { className: "unseen" }, caption), el("thead", {}, el("tr", {}, head)), el("tbody", {}, body));
  return el("div", { className: "scroll", tabindex: 0, role: "region", "aria-label": caption }, made);
}

function numbers(title, columns, rows) {
  const details = el("details", {}, el("summary", {}, "Numbers"));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(table(title, columns.map((name, at) => ({ name, number: at > 0 })), rows));
  });
  return details;
}

/** How often each of a few things happened. */
export function bars(title, note, counts, tell = number) {
  const most = Math.max(1, ...counts.map(([, count]) => count));
  const lines = counts.flatMap(([name, count]) => [
    el("span", {}, name),
    track(0, count / most),
    el("span", { className: "number" }, tell(count)),
  ]);
  const content = counts.length ? el("div", { className: "bars" }, lines) : el("p", { className: "none" }, "Nothing yet.");
  return panel(title, note, content);
}

/** Two histograms over the same bins, one behind the other: as it was and as it is; both are shares from 0 to 1. */
export function histograms(name, then, now) {
  const width = 240;
  const height = 56;
  const most = Math.max(0.0001, ...then, ...now);
  const wide = width / Math.max(1, now.length);
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${name}: reference ${shares(then)}; now ${shares(now)}` });
  const bar = (look, value, at, inset) => {
    const tall = (height * value) / most;
    return svg("rect", { class: look, x: at * wide + inset, width: Math.max(0.5, wide - 2 * inset), y: height - tall, height: tall });
  };
  then.forEach((value, at) => picture.append(bar("then", value, at, 0.5)));
  now.forEach((value, at) => picture.append(bar("bar", value, at, wide * 0.3)));
  return el("div", { className: "chart" }, picture);
}

function shares(values) {
  return values.map((value) => Math.round(value * 100)).join(" ");
}

/** Where a request's time went: {name, start, length, note}, in milliseconds from its arrival. */
export function phases(parts, whole) {
  const line = ({ name, start, length, words }) => [el("span", {}, name), track(start / whole, length / whole), el("span", { className: "number" }, words)];
  return el("div", { className: "phases" }, parts.flatMap(line));
}

/** A part of a whole, from where it starts; both from 0 to 1. */
function track(start, length) {
  const made = svg("svg", { viewBox: "0 0 1000 10", preserveAspectRatio: "none", "aria-hidden": "true" });
  made.append(svg("rect", { class: "track", width: 1000, height: 10 }));
  made.append(svg("rect", { x: 1000 * start, width: Math.max(3, 1000 * length), height: 10 }));
  return made;
}
