// A card's fields as a form needs them, and what may stand in each. The server has the last word; it says the same.

/**
 * One field of a card, as the server's own types have it.
 * @typedef {object} Field
 * @property {string} name
 * @property {string} label
 * @property {string} help
 * @property {boolean} required
 * @property {"text" | "choice" | "number_choice" | "integer" | "number" | "seed" | "boolean" | "file_url" | "file_urls"
 *   | "ids" | "task_ref" | "objects" | "integer_lists" | "alias"} kind
 * @property {any} [default]
 * @property {number} chars_min
 * @property {number} chars_max
 * @property {"one" | "many"} lines
 * @property {{ value: string | number, label: string }[]} options
 * @property {number} minimum
 * @property {number} maximum
 * @property {number} step
 * @property {string[]} accept
 * @property {number} bytes_max
 * @property {number} items_min
 * @property {number} items_max
 * @property {number} length
 * @property {Field[]} fields
 * @property {string} of
 */

/** @typedef {Record<string, any>} Values */

/**
 * What a form is made from.
 * @typedef {object} Card
 * @property {Field[]} fields without aliases
 * @property {Field[]} aliases
 * @property {import("./rules.js").Rule[]} rules
 * @property {Values} example an input that is accepted
 */

const URL_CHARS_MAX = 2048;
const ID_CHARS_MAX = 255;

/**
 * Read a model's JSON Schema, which carries its card.
 * @param {any} schema
 * @returns {Card}
 */
export function readCard(schema) {
  /** @type {Field[]} */
  const fields = Object.values(schema.properties).map((property) => property["x-field"]);
  return {
    fields: fields.filter((field) => field.kind !== "alias"),
    aliases: fields.filter((field) => field.kind === "alias"),
    rules: schema["x-rules"] ?? [],
    example: schema.examples?.[0] ?? {},
  };
}

/** @param {any} value */
export function isGiven(value) {
  return value !== undefined && value !== null;
}

/**
 * Return what counts: each field under its own name, with its default where it is absent.
 * @param {Card} card
 * @param {Values} values
 */
export function effective(card, values) {
  return Object.fromEntries(
    card.fields.map((field) => [field.name, given(card, values, field.name) ?? field.default]),
  );
}

/**
 * Return what stands in a field, under whichever of its names, or undefined.
 * @param {Card} card
 * @param {Values} values
 * @param {string} name
 */
export function given(card, values, name) {
  const names = [name, ...card.aliases.filter((alias) => alias.of === name).map((alias) => alias.name)];
  return names.map((each) => values[each]).find(isGiven);
}

/**
 * Return what is wrong, by field.
 * @param {Card} card
 * @param {Values} values
 * @returns {Record<string, string>}
 */
export function problemsOf(card, values) {
  return problemsIn(card.fields, (field) => given(card, values, field.name));
}

/**
 * @param {Field[]} fields
 * @param {(field: Field) => any} valueOf
 */
function problemsIn(fields, valueOf) {
  /** @type {Record<string, string>} */
  const found = {};
  for (const field of fields) {
    const value = valueOf(field);
    const problem = isGiven(value) ? check(field, value) : field.required ? "This is needed" : "";
    if (problem) found[field.name] = problem;
  }
  return found;
}

/**
 * Return what is wrong with a value that is there, or nothing.
 * @param {Field} field
 * @param {any} value
 * @returns {string}
 */
export function check(field, value) {
  switch (field.kind) {
    case "text":
      return checkText(field, value);
    case "choice":
    case "number_choice":
      return field.options.some((option) => option.value === value || option.value === String(value))
        ? ""
        : `Choose one of ${field.options.map((option) => option.label).join(", ")}`;
    case "integer":
      return checkWhole(value, field.minimum, field.maximum, field.step);
    case "seed":
      return checkWhole(value, -1, field.maximum, 1);
    case "number":
      return checkNumber(value, field.minimum, field.maximum);
    case "boolean":
      return typeof value === "boolean" ? "" : "Must be true or false";
    case "file_url":
      return checkLink(value);
    case "task_ref":
      return /^[0-9a-f]{32}$/.test(value) ? "" : "A task id has 32 hexadecimal digits in lower case";
    case "file_urls":
      return checkItems(field, value, checkLink);
    case "ids":
      return checkItems(field, value, checkId);
    case "objects":
      return checkItems(field, value, (item) => checkObject(field, item));
    case "integer_lists":
      return checkItems(field, value, (item) => checkIntegers(field, item));
    default:
      return "";
  }
}

/**
 * Count as the server does: in Unicode code points.
 * @param {string} text
 */
export function lengthOf(text) {
  return [...text].length;
}

/**
 * @param {Field} field
 * @param {any} value
 */
function checkText(field, value) {
  if (typeof value !== "string") return "Must be a text";
  const length = lengthOf(value);
  if (length > field.chars_max) return `${length - field.chars_max} characters too long`;
  if (field.chars_min && !value) return "This is needed";
  return length < field.chars_min ? `At least ${field.chars_min} characters are needed` : "";
}

/**
 * @param {any} value
 * @param {number} minimum
 * @param {number} maximum
 */
function checkNumber(value, minimum, maximum) {
  if (typeof value !== "number" || Number.isNaN(value)) return "Must be a number";
  return value < minimum || value > maximum ? `Must be between ${minimum} and ${maximum}` : "";
}

/**
 * @param {any} value
 * @param {number} minimum
 * @param {number} maximum
 * @param {number} step
 */
function checkWhole(value, minimum, maximum, step) {
  if (!Number.isInteger(value)) return "Must be a whole number";
  const outside = checkNumber(value, minimum, maximum);
  if (outside) return outside;
  return (value - minimum) % step ? `Must be ${minimum} plus a multiple of ${step}` : "";
}

/** @param {any} value */
function checkLink(value) {
  if (typeof value !== "string" || !/^https?:\/\/[^\s/]/i.test(value)) return "Must be an http or https link";
  return value.length > URL_CHARS_MAX ? `A link has at most ${URL_CHARS_MAX} characters` : "";
}

/** @param {any} value */
function checkId(value) {
  const isId = typeof value === "string" && value.length >= 1 && value.length <= ID_CHARS_MAX;
  return isId ? "" : `must have 1 to ${ID_CHARS_MAX} characters`;
}

/**
 * @param {Field} field
 * @param {any} item
 */
function checkObject(field, item) {
  if (typeof item !== "object" || item === null || Array.isArray(item)) return "must be an object";
  const [wrong] = Object.entries(problemsIn(field.fields, (inner) => item[inner.name]));
  return wrong ? `${wrong[0]}: ${wrong[1]}` : "";
}

/**
 * @param {Field} field
 * @param {any} item
 */
function checkIntegers(field, item) {
  if (!Array.isArray(item) || item.length !== field.length) return `must be ${field.length} whole numbers`;
  return item.map((number) => checkWhole(number, field.minimum, field.maximum, 1)).find(Boolean) ?? "";
}

/**
 * @param {Field} field
 * @param {any} value
 * @param {(item: any) => string} checkOne
 */
function checkItems(field, value, checkOne) {
  if (!Array.isArray(value)) return "Must be a list";
  if (value.length < field.items_min || value.length > field.items_max) {
    return `${value.length} given; ${field.items_min} to ${field.items_max} are allowed`;
  }
  const problems = value.map(checkOne);
  const wrong = problems.findIndex(Boolean);
  return wrong < 0 ? "" : `Number ${wrong + 1}: ${problems[wrong]}`;
}
