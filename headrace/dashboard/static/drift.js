// How the data of a model differ from what they were, feature by feature.

import { el } from "/playground/dom.js";
import { number } from "./api.js";
import { histograms, panel } from "./charts.js";

const MOST = 24; // features that are shown; those that differ most come first

/** One panel for each version that is looked at; nothing where the server does not look. */
export function driftPanel(found) {
  return (found?.versions ?? []).filter((version) => version.features.length).map(ofVersion);
}

function drawn(feature) {
  return Object.keys(feature.histograms ?? {}).length > 0;
}

function ofVersion({ version, state, alarms, rows, features, references }) {
  const ranked = features.filter(drawn).sort((a, b) => Number(b.alarm) - Number(a.alarm) || worst(b) - worst(a));
  const many = ranked.length > MOST ? ` (the ${MOST} that differ most of ${ranked.length})` : "";
  const collecting = Object.values(references).find((each) => each.wanted);
  const words = {
    alarm: `${alarms.length} of ${features.length} features differ from what they were${many}`,
    quiet: `${features.length} features as they were${many}`,
    collecting: `collecting what is usual: ${number(collecting?.collected)} of ${number(collecting?.wanted)} rows`,
  };
  const note = `version ${version}, ${number(rows)} rows: ${words[state] ?? state}${ranked.length ? "; grey is how it was" : ""}`;
  return panel("Drift", note, ranked.length ? el("div", { className: "features" }, ranked.slice(0, MOST).map(shown)) : null);
}

function worst(feature) {
  return Math.max(0, ...feature.scores.map((score) => score.ratio));
}

function shown(feature) {
  const highest = feature.scores.reduce((most, score) => (!most || score.ratio > most.ratio ? score : most), null);
  const words = highest ? `${number(highest.ratio)} of the threshold (${highest.test})` : "not compared yet";
  const told = feature.alarm ? el("span", { className: "bad" }, `differs: ${words}`) : words;
  const lies = feature.histograms.reference ?? Object.values(feature.histograms)[0];
  return el("div", {}, el("h3", {}, feature.name, " ", el("span", { className: "quiet" }, feature.side)), el("p", { className: "quiet" }, told), histograms(feature.name, lies.reference, lies.current));
}
