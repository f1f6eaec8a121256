// Controls of fields that are lists: of ids, of numbers, of objects with fields of their own.
import { FieldRow } from "./controls.js";
import { isGiven } from "./fields.js";
import { html, useState } from "./html.js";

/** @typedef {import("./controls.js").ControlProps} ControlProps */
/** @typedef {import("./rules.js").Bounds} Bounds */

/**
 * A list with an item a line: ids as they are, whole numbers with commas between them.
 * @param {ControlProps} props
 */
export function LinesControl({ field, value, set, id, bounds, told }) {
  const isNumbers = field.kind === "integer_lists";
  const [text, setText] = useState("");
  /** @param {string} typed */
  const read = (typed) => {
    const lines = typed.split("\n").map((line) => line.trim()).filter(Boolean);
    const items = isNumbers ? lines.map((line) => line.split(/[\s,;]+/).map(Number)) : lines;
    return items.length ? items : undefined;
  };
  // What was typed here stays as it was typed, for as long as nothing else was put in its place.
  const isTyped = JSON.stringify(read(text)) === JSON.stringify(value);
  /** @param {any} event */
  const take = (event) => {
    setText(event.target.value);
    set(read(event.target.value));
  };
  const example = Array.from({ length: field.length ?? 0 }, (_, index) => index).join(", ");
  return html`<textarea
    ...${told}
    id=${id}
    rows="3"
    disabled=${Boolean(bounds.closed)}
    value=${isTyped ? text : written(value)}
    placeholder=${isNumbers ? `${example}\n…` : "One a line"}
    onInput=${take}
  />`;
}

/**
 * @param {any} value a list, or what somebody wrote in the place of one
 * @returns {string}
 */
function written(value) {
  return (Array.isArray(value) ? value : [value]).filter(isGiven).map(String).join("\n");
}

/** @param {ControlProps} props */
export function ObjectsControl({ field, value, set, bounds }) {
  /** @type {Record<string, any>[]} */
  const items = Array.isArray(value) ? value : [];
  /** @param {Record<string, any>[]} changed */
  const keep = (changed) => set(changed.length ? changed : undefined);
  /** @type {Bounds} */
  const open = { problem: "", closed: bounds.closed, reason: "", required: false };
  return html`
    ${items.map(
      (item, index) => html`<fieldset class="item" key=${index}>
        <legend>${field.label} ${index + 1}</legend>
        ${field.fields.map(
          (inner) => html`<${FieldRow}
            key=${inner.name}
            field=${inner}
            value=${item?.[inner.name]}
            set=${(/** @type {any} */ changed) =>
              keep(items.map((each, at) => (at === index ? { ...each, [inner.name]: changed } : each)))}
            problem=""
            bounds=${{ ...open, required: inner.required }}
          />`,
        )}
        <button type="button" class="button small" onClick=${() => keep(items.filter((_, at) => at !== index))}>
          Remove ${field.label.toLowerCase()} ${index + 1}
        </button>
      </fieldset>`,
    )}
    <button
      type="button"
      class="button small"
      disabled=${Boolean(bounds.closed) || items.length >= field.items_max}
      onClick=${() => keep([...items, {}])}
    >
      Add one
    </button>
  `;
}
