// Rules between the fields of a card: which is broken, and what they leave of a field before it is.
import { effective, given, isGiven } from "./fields.js";

/**
 * @typedef {object} Rule
 * @property {"exclusive" | "exclusive_groups" | "requires" | "requires_one_of" | "required_when" | "forbidden_when"
 *   | "maximum_when" | "allowed_when"} rule
 * @property {string} message
 * @property {string} field
 * @property {string[]} fields
 * @property {string[][]} groups
 * @property {string[]} needs
 * @property {{ field: string, equals?: string | number | boolean }} when
 * @property {number} maximum
 * @property {(string | number)[]} values
 */

/**
 * What rules leave of a field.
 * @typedef {object} Bounds
 * @property {string} problem of what stands in it; empty where all is well
 * @property {string} closed why nothing may stand in it; empty where something may
 * @property {number} [maximum]
 * @property {(string | number)[]} [allowed]
 * @property {string} reason why there is less to choose from
 * @property {boolean} required
 */

/** @typedef {import("./fields.js").Card} Card */
/** @typedef {import("./fields.js").Values} Values */

/**
 * Return what the rules make of every field.
 * @param {Card} card
 * @param {Values} values
 * @returns {Record<string, Bounds>}
 */
export function boundsOf(card, values) {
  /** @type {Record<string, Bounds>} */
  const bounds = {};
  for (const field of card.fields) {
    bounds[field.name] = { problem: "", closed: "", reason: "", required: field.required };
  }
  const state = new State(card, values);
  for (const rule of card.rules) {
    const culprit = broken(rule, state);
    if (culprit && !bounds[culprit].problem) bounds[culprit].problem = rule.message;
    narrow(rule, state, bounds);
  }
  return bounds;
}

class State {
  /**
   * @param {Card} card
   * @param {Values} values
   */
  constructor(card, values) {
    this.values = effective(card, values);
    this.present = new Set(card.fields.map((field) => field.name).filter((name) => isGiven(given(card, values, name))));
  }

  /** @param {string} name */
  has(name) {
    return this.present.has(name);
  }

  /** @param {Rule["when"]} when */
  holds(when) {
    return isGiven(when.equals) ? this.values[when.field] === when.equals : this.has(when.field);
  }
}

/**
 * Return the field to change if the rule is broken.
 * @param {Rule} rule
 * @param {State} state
 * @returns {string | undefined}
 */
function broken(rule, state) {
  const value = state.values[rule.field];
  switch (rule.rule) {
    case "exclusive":
      return rule.fields.filter((name) => state.has(name))[1];
    case "exclusive_groups":
      return firstsOf(rule.groups, state)[1];
    case "requires":
      return state.has(rule.field) ? rule.needs.find((name) => !state.has(name)) : undefined;
    case "requires_one_of":
      return rule.fields.some((name) => state.has(name)) ? undefined : rule.fields[0];
    case "required_when":
      return state.holds(rule.when) && !state.has(rule.field) ? rule.field : undefined;
    case "forbidden_when":
      return state.holds(rule.when) && state.has(rule.field) ? rule.field : undefined;
    case "maximum_when":
      return state.holds(rule.when) && value > rule.maximum ? rule.field : undefined;
    case "allowed_when":
      return state.holds(rule.when) && isGiven(value) && !rule.values.includes(value) ? rule.field : undefined;
  }
}

/**
 * Note what the rule leaves of fields that nobody has filled in yet.
 * @param {Rule} rule
 * @param {State} state
 * @param {Record<string, Bounds>} bounds
 */
function narrow(rule, state, bounds) {
  switch (rule.rule) {
    case "exclusive":
      return close(othersOf(rule.fields.map((name) => [name]), state), rule, state, bounds);
    case "exclusive_groups":
      return close(othersOf(rule.groups, state), rule, state, bounds);
    case "forbidden_when":
      return close(state.holds(rule.when) ? [rule.field] : [], rule, state, bounds);
    case "requires":
      if (state.has(rule.field)) for (const name of rule.needs) bounds[name].required = true;
      return;
    case "required_when":
      if (state.holds(rule.when)) bounds[rule.field].required = true;
      return;
    case "maximum_when":
      if (state.holds(rule.when)) Object.assign(bounds[rule.field], { maximum: rule.maximum, reason: rule.message });
      return;
    case "allowed_when":
      if (state.holds(rule.when)) Object.assign(bounds[rule.field], { allowed: rule.values, reason: rule.message });
  }
}

/**
 * @param {string[]} names
 * @param {Rule} rule
 * @param {State} state
 * @param {Record<string, Bounds>} bounds
 */
function close(names, rule, state, bounds) {
  for (const name of names) {
    // What is there already is said to be wrong instead, and can be taken away.
    if (!state.has(name)) bounds[name].closed ||= rule.message;
  }
}

/**
 * Return the fields of all groups but the first that has something in it.
 * @param {string[][]} groups
 * @param {State} state
 */
function othersOf(groups, state) {
  const taken = groups.findIndex((group) => group.some((name) => state.has(name)));
  return taken < 0 ? [] : groups.filter((_, index) => index !== taken).flat();
}

/**
 * @param {string[][]} groups
 * @param {State} state
 */
function firstsOf(groups, state) {
  return groups.flatMap((group) => group.filter((name) => state.has(name)).slice(0, 1));
}
