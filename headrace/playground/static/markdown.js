// What a model wrote, as elements. Its text is never markup: only nodes made here, from text, reach the page.
//
// Light: code, headings, lists, quotes, tables, rules, emphasis and links. Each pattern is bounded, so that no text takes
// long; no images, since those would ask other servers.

import { copyButton, el } from "./dom.js";

/** Show `text` in `container`; blocks that were shown already and have not changed are left as they are. */
export function show(container, text) {
  const found = blocks(text);
  found.forEach((block, at) => {
    const source = `${block.kind}\n${block.info}\n${block.lines.join("\n")}`;
    const there = container.children[at];
    if (there?.source === source) return;
    const made = element(block);
    made.source = source;
    if (there) there.replaceWith(made);
    else container.append(made);
  });
  while (container.children.length > found.length) container.lastElementChild.remove();
}

const FENCE = /^ {0,8}(`{3,10}|~{3,10})\s*([\w+#.-]{0,30})/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*)$/;
const ITEM = /^(\s{0,12})([-*+]|\d{1,9}[.)])\s+(.*)$/;
const RULE = /^ {0,3}([-*_])(\s*\1){2,80}\s*$/;
const QUOTE = /^ {0,3}>\s?/;
const DIVIDER = /^\s*\|?\s*:?-{1,50}:?\s*(\|\s*:?-{1,50}:?\s*){0,40}\|?\s*$/;

/** [{kind, info, lines}] in their order. */
export function blocks(text) {
  const found = [];
  let open = null;
  const begin = (kind, info = "", line) => {
    open = { kind, info, lines: line === undefined ? [] : [line] };
    found.push(open);
  };
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at];
    if (open?.kind === "code") {
      if (line.trim() && closes(line, open.fence)) open = null;
      else open.lines.push(line);
      continue;
    }
    const fence = FENCE.exec(line);
    if (fence) {
      begin("code", fence[2]);
      open.fence = fence[1];
    } else if (!line.trim()) {
      if (open?.kind === "list" && continues(lines[at + 1])) open.lines.push("");
      else open = null;
    } else if (HEADING.test(line)) {
      begin("heading", "", line);
      open = null;
    } else if (RULE.test(line)) {
      begin("rule");
      open = null;
    } else if (QUOTE.test(line)) {
      if (open?.kind !== "quote") begin("quote");
      open.lines.push(line.replace(QUOTE, ""));
    } else if (ITEM.test(line) || (open?.kind === "list" && /^\s/.test(line))) {
      if (open?.kind !== "list") begin("list");
      open.lines.push(line);
    } else if (open?.kind === "table" || (line.includes("|") && DIVIDER.test(lines[at + 1] ?? "x") && lines[at + 1].includes("-"))) {
      if (open?.kind !== "table") begin("table");
      open.lines.push(line);
    } else if (open?.kind === "text") open.lines.push(line);
    else begin("text", "", line);
  }
  return found;
}

function closes(line, fence) {
  const said = line.trim();
  return said.length >= fence.length && said === fence[0].repeat(said.length);
}

function continues(line) {
  return line !== undefined && (ITEM.test(line) || /^\s{2,}\S/.test(line));
}

function element({ kind, info, lines }) {
  if (kind === "code") return code(info, lines.join("\n"));
  if (kind === "rule") return el("hr");
  if (kind === "list") return list(lines);
  if (kind === "table") return table(lines);
  if (kind === "quote") {
    const quote = el("blockquote");
    if (lines.join("").replaceAll(">", "").trim() && depth(lines) < 8) show(quote, lines.join("\n"));
    else quote.append(...inline(lines.join("\n")));
    return quote;
  }
  if (kind === "heading") {
    const [, marks, said] = HEADING.exec(lines[0]);
    return el(`h${Math.min(6, marks.length + 1)}`, {}, inline(said.replace(/\s#{1,6}\s*$/, "")));
  }
  return el("p", {}, inline(lines.join("\n")));
}

function depth(lines) {
  return Math.max(...lines.map((line) => line.slice(0, 200).split(">").length));
}

function code(language, source) {
  const head = el("div", { className: "code-head" }, el("span", {}, language || "code"), copyButton(() => source, "Copy the code"));
  return el("div", { className: "code" }, head, el("pre", { tabIndex: 0 }, el("code", {}, source)));
}

/** Nested by how far items are indented. */
function list(lines) {
  const top = el("div", { className: "list" });
  const open = [];
  for (const line of lines) {
    const item = ITEM.exec(line);
    if (!item) {
      const last = open.at(-1)?.list.lastElementChild;
      if (line.trim() && last) last.append(...inline(`\n${line.trim()}`));
      continue;
    }
    const [, { length: indent }, mark, said] = item;
    while (open.length > 1 && indent <= open.at(-2).indent) open.pop();
    const ordered = /\d/.test(mark);
    const level = open.at(-1);
    if (!level || indent > level.indent + 1) {
      const inner = started(ordered, mark);
      (level?.list.lastElementChild ?? top).append(inner);
      open.push({ indent, list: inner, ordered });
    } else if (level.ordered !== ordered) {
      const next = started(ordered, mark);
      level.list.after(next);
      Object.assign(level, { list: next, ordered });
    }
    open.at(-1).list.append(el("li", {}, inline(said)));
  }
  return top;
}

function started(ordered, mark) {
  return ordered ? el("ol", { start: Number.parseInt(mark, 10) }) : el("ul");
}

function table(lines) {
  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|").slice(0, 40).map((cell) => inline(cell.trim()));
  const [head, , ...rows] = lines;
  const width = cells(head).length;
  return el(
    "div",
    { className: "wide", tabIndex: 0 },
    el(
      "table",
      {},
      el("thead", {}, el("tr", {}, cells(head).map((cell) => el("th", {}, cell)))),
      el("tbody", {}, rows.map((row) => el("tr", {}, cells(row).slice(0, width).map((cell) => el("td", {}, cell))))),
    ),
  );
}

const INLINE = new RegExp(
  [
    "(?<ticks>`{1,3})(?<code>[^`\\n]{1,1000})\\k<ticks>",
    "\\*\\*(?<bold>[^*\\s](?:[^*\\n]{0,1000}))\\*\\*",
    "(?<![*\\w])\\*(?<star>[^*\\s](?:[^*\\n]{0,1000}))\\*(?!\\*)",
    "(?<![_\\w])_(?<under>[^_\\s](?:[^_\\n]{0,1000}))_(?![_\\w])",
    "~~(?<gone>[^~\\s][^~\\n]{0,1000})~~",
    "!?\\[(?<label>[^\\]\\n]{1,200})\\]\\((?<target>[^)\\s]{1,2000})\\)",
    "(?<plain>https?://[^\\s<>()\\[\\]\"'`]{1,2000}(?<![.,:;!?*_]))",
  ].join("|"),
  "g",
);

/** Text nodes and elements. */
export function inline(text) {
  const made = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > end) made.push(text.slice(end, match.index));
    made.push(marked(match[0], match.groups));
    end = match.index + match[0].length;
  }
  if (end < text.length) made.push(text.slice(end));
  return made;
}

function marked(source, { code: quoted, bold, star, under, gone, label, target, plain }) {
  if (quoted !== undefined) return el("code", {}, quoted);
  if (bold !== undefined) return el("strong", {}, inline(bold));
  if (star !== undefined || under !== undefined) return el("em", {}, inline(star ?? under));
  if (gone !== undefined) return el("s", {}, gone);
  if (plain !== undefined) return link(plain, plain);
  return link(target, label) ?? source;
}

/** Only to the web, in a page of its own that knows nothing of this one; where it leads is to be seen. */
function link(target, label) {
  let url;
  try {
    url = new URL(target);
  } catch {
    return label === target ? target : null;
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return null;
  return el("a", { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow", title: url.href }, label);
}
