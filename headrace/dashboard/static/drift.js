// How the data of a model differ from what they were, feature by feature.

import { el } from "/playground/dom.js";
import { number } from "./api.js";
import { histograms, panel } from "./charts.js";

const MOST = 24; // features that are shown; those that differ most come first

/** Nothing where the server does not look. */
export function driftPanel(found) {
  const features = (found?.features ?? []).filter((feature) => feature.reference && feature.current);
  if (!features.length) return [];
  const ranked = [...features].sort((a, b) => Number(b.alarm) - Number(a.alarm) || b.score - a.score);
  const alarms = features.filter((feature) => feature.alarm).length;
  const note = alarms ? `${alarms} of ${features.length} features differ from the reference` : `${features.length} features as in the reference`;
  return [panel("Drift", note, el("div", { className: "features" }, ranked.slice(0, MOST).map(shown)))];
}

function shown(feature) {
  const words = feature.alarm ? el("span", { className: "bad" }, `differs, ${number(feature.score)}× its threshold`) : `${number(feature.score)}× its threshold`;
  return el("div", {}, el("h3", {}, feature.feature), el("p", { className: "quiet" }, words), histograms(feature.feature, feature.reference, feature.current));
}
