// A model of tensors: its signature, a form made of it, and what comes out as tables.

import { announce, copyButton, el, failure } from "./dom.js";
import { infer, signature } from "./server.js";

const FREE_SIZE = 8; // what a free dimension that is not the first begins with
const MAX_ACROSS = 16; // a single row that is longer is shown downwards
const MAX_ROWS = 100;
const MAX_COLUMNS = 64;
const FILLS = { Zeros: () => 0, Ones: () => 1, Random: null };

const PLACEHOLDERS = { BYTES: 'A text, or ["several", "as JSON"]', BOOL: "true, false or JSON, nested or flat" };

/** What app.js shows of a tensor model. */
export async function tensorView(name) {
  const { inputs, outputs, platform } = await signature(name);
  const fields = inputs.map((spec) => new Field(spec));
  const results = el("div", { className: "results", "aria-live": "polite" });
  const send = el("button", { type: "submit", className: "primary" }, "Run");
  const form = el("form", { noValidate: true, onsubmit: (event) => run(event, name, fields, results, send) },
    fields.map((field) => field.element), el("div", { className: "actions" }, send, el("span", { className: "quiet" }, "Ctrl+Enter runs it")));
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  const takes = el("section", {}, el("h2", {}, "Inputs"), fields.length ? form : el("p", { className: "quiet" }, "It takes none."));
  const gives = el("section", {}, el("h2", {}, "Outputs"), el("div", { className: "wide" }, signatureTable(outputs)), results);
  return { element: el("div", { className: "tensors" }, takes, gives), tools: [], about: platform };
}

function signatureTable(specs) {
  const row = ({ name, datatype, shape }) => el("tr", {}, el("td", {}, el("code", {}, name)), el("td", {}, datatype), el("td", {}, shapeText(shape)));
  const head = el("tr", {}, ["name", "datatype", "shape"].map((word) => el("th", {}, word)));
  return el("table", {}, el("thead", {}, head), el("tbody", {}, specs.map(row)));
}

function shapeText(shape) {
  return shape.length ? shape.map((size) => (size < 0 ? "?" : size)).join(" × ") : "one value";
}

async function run(event, name, fields, results, send) {
  event.preventDefault();
  const bodies = fields.map((field) => field.body());
  if (bodies.includes(undefined)) {
    fields.find((field) => field.wrong).data.focus();
    return;
  }
  const body = `{"inputs": [${bodies.filter(Boolean).join(", ")}]}`;
  send.disabled = true;
  const started = performance.now();
  try {
    const answer = await infer(name, body);
    const passed = performance.now() - started;
    results.replaceChildren(...shown(name, body, answer, passed));
    announce(`Answered in ${passed.toFixed(0)} ms`);
  } catch (error) {
    results.replaceChildren(failure(error.message));
  } finally {
    send.disabled = false;
  }
}

/** One input of the form. */
class Field {
  constructor(spec) {
    this.spec = spec;
    const { name, datatype, shape, optional } = spec;
    const id = `input-${name}`;
    this.wrong = "";
    this.shape = el("input", { id: `${id}-shape`, value: shape.map(begin).join(", "), inputMode: "numeric", autocomplete: "off", spellcheck: false });
    this.data = el("textarea", { id, rows: datatype === "BYTES" || String(shape) === "1" ? 2 : 4, spellcheck: false, "aria-describedby": `${id}-error` });
    this.error = el("p", { id: `${id}-error`, className: "wrong", role: "alert" });
    const fills = datatype === "BYTES" ? [] : Object.keys(FILLS).map((fill) => el("button", { type: "button", className: "plain small", onclick: () => this.fill(fill) }, fill));
    this.data.placeholder = PLACEHOLDERS[datatype] ?? "1, 2, 3 or JSON, nested or flat";
    if (!optional && datatype !== "BYTES") this.fill("Zeros");
    const head = el("div", { className: "field-head" }, el("label", { htmlFor: id }, el("code", {}, name)), el("span", { className: "badge" }, datatype),
      el("span", { className: "badge" }, shapeText(shape)), optional ? el("span", { className: "badge soft" }, "optional") : null);
    const foot = el("div", { className: "field-foot" }, el("label", { htmlFor: `${id}-shape` }, "Shape"), this.shape, fills);
    this.element = el("div", { className: "field" }, head, this.data, foot, this.error);
  }

  sizes() {
    const said = this.shape.value.trim();
    return said === "" ? [] : said.split(/[\s,×x]+/).map(Number);
  }

  fill(kind) {
    const sizes = this.sizes();
    const count = sizes.reduce((product, size) => product * size, 1);
    if (!(count <= 100_000)) return this.complain(`${count.toLocaleString("en")} values are too many for this form`);
    const make = FILLS[kind] ?? (() => random(this.spec.datatype));
    const flat = Array.from({ length: count }, () => (this.spec.datatype === "BOOL" ? Boolean(Math.round(make())) : make()));
    this.data.value = JSON.stringify(nested(flat, sizes));
    return this.complain("");
  }

  complain(text) {
    this.wrong = text;
    this.error.textContent = text;
    this.data.setAttribute("aria-invalid", String(Boolean(text)));
  }

  /** JSON text for the request; empty where it is left out; undefined where something is wrong, which is shown. */
  body() {
    const { name, datatype, optional } = this.spec;
    const text = this.data.value.trim();
    if (!text && optional) return "";
    try {
      const [values, count, own] = datatype === "BYTES" ? strings(this.data.value) : numbers(text);
      const shape = this.fitting(count, own);
      this.complain("");
      return `{"name": ${JSON.stringify(name)}, "datatype": "${datatype}", "shape": ${JSON.stringify(shape)}, "data": ${values}}`;
    } catch (error) {
      this.complain(error.message);
      return undefined;
    }
  }

  /** The shape that nested data has, or that the field says; it must hold as many values as there are. */
  fitting(count, own) {
    if (own.length > 1) return own;
    const said = this.sizes();
    if (said.some((size) => !Number.isInteger(size) || size < 0)) throw new Error("The shape is sizes with commas between, like 1, 16.");
    const product = said.reduce((all, size) => all * size, 1);
    if (product === count) return said;
    const free = this.spec.shape.map((size, at) => (size < 0 ? at : -1)).filter((at) => at >= 0);
    const rest = said.reduce((all, size, at) => (at === free.at(-1) ? all : all * size), 1);
    if (free.length && rest && Number.isInteger(count / rest)) return said.map((size, at) => (at === free.at(-1) ? count / rest : size));
    throw new Error(`The shape ${said.join(" × ") || "of one value"} holds ${product} values; there are ${count}.`);
  }
}

function begin(size, at) {
  return size >= 0 ? size : at === 0 ? 1 : FREE_SIZE;
}

/** [JSON text, number of values, shape]. The text is sent as it is, so that no digit of a large integer is lost. */
function numbers(text) {
  if (!text) throw new Error("Values are missing.");
  const json = text.startsWith("[") ? text : `[${text.split(/[\s,]+/).filter(Boolean).join(", ")}]`;
  let values;
  try {
    values = JSON.parse(json);
  } catch (error) {
    throw new Error(`This is no JSON: ${error.message}.`);
  }
  return [json, values.flat(Infinity).length, shapeOf(values)];
}

function strings(text) {
  if (text.trim().startsWith("[")) {
    try {
      const values = JSON.parse(text);
      return [JSON.stringify(values), values.flat(Infinity).length, shapeOf(values)];
    } catch {
      // a text may begin with a bracket, too
    }
  }
  return [JSON.stringify([text]), 1, [1]];
}

function shapeOf(values) {
  if (!Array.isArray(values)) return [];
  const inner = values.map(shapeOf);
  if (inner.some((shape) => String(shape) !== String(inner[0]))) throw new Error("The rows are not all of one length.");
  return [values.length, ...(inner[0] ?? [])];
}

function nested(flat, shape) {
  if (shape.length < 2) return flat;
  const rows = Array.from({ length: shape[0] }, (_, row) => flat.slice((row * flat.length) / shape[0], ((row + 1) * flat.length) / shape[0]));
  return rows.map((row) => nested(row, shape.slice(1)));
}

function random(datatype) {
  if (datatype === "BOOL") return Math.random();
  return /INT/.test(datatype) ? Math.floor(Math.random() * 10) : Number(Math.random().toFixed(4));
}

// ---- what came out

function shown(name, body, answer, passed) {
  const curl = `curl -s ${location.origin}/v2/models/${encodeURIComponent(name)}/infer -d '${body.replaceAll("'", "'\\''")}'`;
  const whole = () => JSON.stringify(answer, null, 2);
  return [
    el("p", { className: "facts" }, `${passed.toFixed(passed < 10 ? 1 : 0)} ms · version ${answer.model_version}`),
    ...answer.outputs.map(output),
    el("details", {}, el("summary", {}, "The same from a shell"), el("div", { className: "code" },
      el("div", { className: "code-head" }, el("span", {}, "curl"), copyButton(() => curl)), el("pre", { tabIndex: 0 }, el("code", {}, clipped(curl))))),
    el("details", {}, el("summary", {}, "The answer as JSON"), el("div", { className: "code" },
      el("div", { className: "code-head" }, el("span", {}, "json"), copyButton(whole)), el("pre", { tabIndex: 0 }, el("code", {}, clipped(whole()))))),
  ];
}

function clipped(text) {
  return text.length > 4000 ? `${text.slice(0, 4000)}…` : text;
}

function output({ name, datatype, shape, data }) {
  const columns = shape.length > 1 ? shape.at(-1) : 1;
  const rows = columns ? data.length / columns : 0;
  const upright = rows === 1 && columns > MAX_ACROSS; // one row of many is read more easily downwards
  const head = el("h3", {}, el("code", {}, name), el("span", { className: "badge" }, datatype), el("span", { className: "badge" }, shapeText(shape)), el("small", {}, summary(data)));
  const label = (row) => (upright ? `${row}` : indices(row, shape.slice(0, -1)));
  const table = upright ? grid(columns, 1, (row) => data[row], label) : grid(rows, columns, (row, column) => data[row * columns + column], shape.length > 1 ? label : (row) => `${row}`);
  return el("div", { className: "output" }, head, data.length ? table : el("p", { className: "quiet" }, "No values."));
}

function grid(rows, columns, at, label) {
  const [height, width] = [Math.min(rows, MAX_ROWS), Math.min(columns, MAX_COLUMNS)];
  const numbered = (count) => Array.from({ length: count }, (_, index) => index);
  const top = columns > 1 ? el("thead", {}, el("tr", {}, el("th"), numbered(width).map((column) => el("th", {}, `${column}`)))) : null;
  const body = numbered(height).map((row) => el("tr", {}, el("th", { scope: "row" }, label(row)), numbered(width).map((column) => cell(at(row, column)))));
  const cut = rows > height || columns > width ? el("p", { className: "quiet" }, `The first ${height} × ${width} of ${rows} × ${columns} are shown.`) : null;
  return el("div", {}, el("div", { className: "wide", tabIndex: 0 }, el("table", { className: "numbers" }, top, el("tbody", {}, body))), cut);
}

function cell(value) {
  return el("td", { className: typeof value === "string" && !/^-?\d+$/.test(value) ? "said" : "" }, word(value));
}

/** Where a row stands, by all dimensions but the last. */
function indices(row, shape) {
  const found = [];
  for (const size of [...shape].reverse()) {
    found.unshift(row % size);
    row = Math.floor(row / size);
  }
  return found.join(", ");
}

function word(value) {
  if (typeof value === "number" && !Number.isInteger(value)) return String(Number(value.toPrecision(6)));
  return value === null ? "–" : String(value);
}

function summary(data) {
  const numbers = data.filter((value) => typeof value === "number");
  if (numbers.length < 2) return "";
  const [least, most] = numbers.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
  const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
  return `from ${word(least)} to ${word(most)}, mean ${word(mean)}`;
}
