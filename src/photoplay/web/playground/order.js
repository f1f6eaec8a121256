// What stands in the form, as a whole: what is wrong with it, and where it can be taken from.
import { check, given, isGiven, problemsOf } from "./fields.js";

/** @typedef {import("./fields.js").Card} Card */
/** @typedef {import("./fields.js").Field} Field */
/** @typedef {import("./fields.js").Values} Values */

/**
 * Return what is wrong, by field: a value by itself before what rules say of it.
 * @param {Card} card
 * @param {Values} values
 * @param {Record<string, import("./rules.js").Bounds>} bounds
 * @returns {Record<string, string>}
 */
export function allProblems(card, values, bounds) {
  const broken = Object.entries(bounds).filter(([, each]) => each.problem);
  return { ...Object.fromEntries(broken.map(([name, each]) => [name, each.problem])), ...problemsOf(card, values) };
}

/**
 * Return the card's example without its files, which are at a place that nobody has.
 * @param {Card} card
 * @returns {Values}
 */
export function exampleOf(card) {
  const files = new Set(card.fields.filter((field) => field.kind.startsWith("file_")).map((field) => field.name));
  return Object.fromEntries(Object.entries(card.example).filter(([name]) => !files.has(name)));
}

/**
 * Return what another model can use of what was written for one.
 * @param {Card} card
 * @param {Values} values
 * @returns {Values}
 */
export function carried(card, values) {
  const usable = card.fields
    .map((field) => ({ field, value: given(card, values, field.name) }))
    .filter(({ field, value }) => isGiven(value) && !check(field, value));
  return Object.fromEntries(usable.map(({ field, value }) => [field.name, value]));
}

/** @param {Field} field */
export function isPicture(field) {
  return field.kind === "file_url" && field.accept.includes("image/jpeg");
}

/** @param {Values} values */
export function withoutAbsent(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
