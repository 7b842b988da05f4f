// Which operators of a model take its time: looked into when somebody asks, and kept until the page is left.

import { announce, el } from "/playground/dom.js";
import { duration, number, operators, share } from "./api.js";
import { panel, table } from "./charts.js";

const MOST = 20; // operators that are shown
const known = new Map(); // by model: {told}, {wrong} or {asked}
let open = null; // the panel that is on the page, and of which model

export function operatorsPanel(model) {
  open = { model, body: el("div", { className: "operators" }, ...content(model)) };
  return panel("Operators", "the model, loaded a second time and run by itself", open.body);
}

function content(model) {
  const { told, wrong, asked } = known.get(model) ?? {};
  const button = el("button", { type: "button", className: "plain small", disabled: Boolean(asked), onclick: () => look(model) }, asked ? "Looking…" : told ? "Look again" : "Look into its operators");
  const words = wrong ? el("p", { className: "bad", role: "alert" }, wrong) : told ? el("p", { className: "quiet" }, summary(told)) : null;
  return [el("div", { className: "body" }, button, words), told ? operatorTable(told.operators) : null].filter(Boolean);
}

async function look(model) {
  known.set(model, { asked: true });
  show(model);
  try {
    const told = await operators(model);
    known.set(model, told ? { told } : { wrong: "There is no such model now." });
  } catch (error) {
    known.set(model, { wrong: error.message });
  }
  announce(known.get(model).wrong ?? `The operators of ${model} are known`);
  show(model);
}

function show(model) {
  if (open?.model === model) open.body.replaceChildren(...content(model));
}

function summary({ version, runtime, threads, inputs, runs, run_us: took, operators: all }) {
  const rest = all.slice(MOST).reduce((sum, each) => sum + each.share, 0);
  const more = all.length > MOST ? `; ${all.length - MOST} more take ${share(rest)}` : "";
  return `Version ${version} on ${runtime}, ${threads} threads, ${inputs} inputs: ${runs} runs of ${duration(took / 1000)} each, counting included${more}.`;
}

function operatorTable(all) {
  const columns = ["Operator", "Type", "Gives", { name: "Calls", number: true }, { name: "Mean", number: true }, { name: "Share", number: true }];
  const rows = all.slice(0, MOST).map((each) => [each.name, each.type, each.shape || "–", number(each.calls), duration(each.mean_us / 1000), share(each.share)]);
  return table("Operators", columns, rows);
}
