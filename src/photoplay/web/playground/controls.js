// One control for every kind of field that a card can have.
import { FileField, FileList } from "./files.js";
import { isGiven, lengthOf } from "./fields.js";
import { html, useId } from "./html.js";
import { LinesControl, ObjectsControl } from "./lists.js";
import { number } from "./parts.js";

/** @typedef {import("./fields.js").Field} Field */
/** @typedef {import("./rules.js").Bounds} Bounds */

/**
 * @typedef {object} ControlProps
 * @property {Field} field
 * @property {any} value what was given; undefined for nothing
 * @property {(value: any) => void} set
 * @property {string} id of the control that a label is for
 * @property {Bounds} bounds
 * @property {Record<string, any>} told what its element says of itself: which texts describe it, whether it is wrong
 */

// Fewer are shown side by side, more in a list.
const CHOICES_SHOWN_MAX = 5;
const CHOICE_CHARS_SHOWN_MAX = 42;
// A slider with more steps than this cannot be set by hand.
const SLIDER_STEPS_MAX = 400;

/** @type {Record<string, (props: ControlProps) => any>} */
const CONTROLS = {
  text: TextControl,
  choice: ChoiceControl,
  number_choice: ChoiceControl,
  integer: NumberControl,
  number: NumberControl,
  seed: SeedControl,
  boolean: SwitchControl,
  file_url: FileField,
  file_urls: FileList,
  ids: LinesControl,
  task_ref: LineControl,
  objects: ObjectsControl,
  integer_lists: LinesControl,
};

// Controls that are several elements: what is beside them is a legend, not a label.
const GROUPS = new Set(["file_url", "file_urls", "objects"]);

/**
 * A field of the form: its label, its control, and what is to be said of it.
 * @param {{ field: Field, value: any, set: (value: any) => void, problem: string, bounds: Bounds }} props
 */
export function FieldRow({ field, value, set, problem, bounds }) {
  const id = useId();
  const isGroup = GROUPS.has(field.kind) || isSideBySide(field);
  const told = {
    "aria-describedby": `${id}-help ${id}-problem`,
    "aria-invalid": problem ? "true" : undefined,
    "aria-required": bounds.required ? "true" : undefined,
  };
  const Control = CONTROLS[field.kind];
  // A default stands in for what is not chosen, and is shown.
  const isOptional = !bounds.required && field.default === undefined;
  const label = html`${field.label}${isOptional && html` <span class="optional">optional</span>`}`;
  const texts = html`
    <p class="help" id=${`${id}-help`}>${bounds.closed || bounds.reason || field.help}</p>
    <p class="problem" id=${`${id}-problem`} role="alert">${problem}</p>
  `;
  const control = html`
    <${Control} field=${field} value=${value} set=${set} id=${id} bounds=${bounds} told=${told} />
  `;
  const shown = `field ${field.kind}${bounds.closed ? " closed" : ""}`;
  return isGroup
    ? html`<fieldset class=${shown} data-field=${field.name} disabled=${Boolean(bounds.closed)}>
        <legend class="label">${label}</legend>${control}${texts}
      </fieldset>`
    : html`<div class=${shown} data-field=${field.name}>
        <label for=${id}>${label}</label>${control}${texts}
      </div>`;
}

/** @param {Field} field */
function isSideBySide(field) {
  if (field.kind !== "choice" && field.kind !== "number_choice") return false;
  const chars = field.options.reduce((sum, option) => sum + option.label.length + 3, 0);
  return field.options.length <= CHOICES_SHOWN_MAX && chars <= CHOICE_CHARS_SHOWN_MAX;
}

/** @param {ControlProps} props */
function TextControl(props) {
  const { field, value, set, id, bounds, told } = props;
  if (field.lines === "one") return LineControl(props);
  const length = lengthOf(String(value ?? ""));
  return html`
    <div class="counted">
      <textarea
        ...${told}
        id=${id}
        rows="4"
        disabled=${Boolean(bounds.closed)}
        value=${value ?? ""}
        placeholder=${field.default ?? ""}
        onInput=${(/** @type {any} */ event) => set(event.target.value || undefined)}
      />
      <output class=${length > field.chars_max ? "counter over" : "counter"}>
        ${number(length)} / ${number(field.chars_max)}
      </output>
    </div>
  `;
}

/** @param {ControlProps} props */
function LineControl({ field, value, set, id, bounds, told }) {
  return html`<input
    ...${told}
    id=${id}
    type="text"
    disabled=${Boolean(bounds.closed)}
    value=${value ?? ""}
    placeholder=${field.default ?? ""}
    onInput=${(/** @type {any} */ event) => set(event.target.value || undefined)}
  />`;
}

/** @param {ControlProps} props */
function ChoiceControl(props) {
  const { field, value, set, id, bounds, told } = props;
  const chosen = value === undefined ? field.default : field.kind === "choice" ? String(value) : value;
  /** @param {string | number} option */
  const isOut = (option) => Boolean(bounds.closed) || (bounds.allowed !== undefined && !bounds.allowed.includes(option));
  const options = field.options;
  if (isSideBySide(field)) {
    return html`<div class="segments">
      ${options.map(
        (option) => html`<label key=${option.value} class="segment">
          <input
            ...${told}
            type="radio"
            name=${id}
            checked=${option.value === chosen}
            disabled=${isOut(option.value)}
            onChange=${() => set(option.value)}
            onClick=${() => option.value === value && !field.required && set(undefined)}
          />
          <span>${option.label}</span>
        </label>`,
      )}
    </div>`;
  }
  /** @param {any} event */
  const choose = (event) => set(options.find((option) => String(option.value) === event.target.value)?.value);
  return html`<select ...${told} id=${id} disabled=${Boolean(bounds.closed)} value=${chosen ?? ""} onChange=${choose}>
    ${field.default === undefined && html`<option value="">Not chosen</option>`}
    ${options.map(
      (option) => html`<option key=${option.value} value=${option.value} disabled=${isOut(option.value)}>
        ${option.label}
      </option>`,
    )}
  </select>`;
}

/** @param {ControlProps} props */
function NumberControl({ field, value, set, id, bounds, told }) {
  const maximum = Math.min(field.maximum, bounds.maximum ?? field.maximum);
  const hasSlider = (field.maximum - field.minimum) / field.step <= SLIDER_STEPS_MAX;
  const limits = { min: field.minimum, max: maximum, step: field.step, disabled: Boolean(bounds.closed) };
  /** @param {any} event */
  const take = (event) => set(event.target.value === "" ? undefined : Number(event.target.value));
  const shown = value ?? field.default;
  return html`<div class="numbered">
    ${hasSlider &&
    html`<input type="range" aria-label=${field.label} ...${limits} value=${shown ?? field.minimum} onInput=${take} />`}
    <input
      ...${told}
      ...${limits}
      step=${field.kind === "number" ? "any" : field.step}
      id=${id}
      type="number"
      inputmode="decimal"
      value=${shown ?? ""}
      onInput=${take}
    />
  </div>`;
}

/** @param {ControlProps} props */
function SeedControl({ field, value, set, id, bounds, told }) {
  const roll = () => set(Math.floor(Math.random() * (field.maximum + 1)));
  return html`<div class="beside">
    <input
      ...${told}
      id=${id}
      type="number"
      min="-1"
      max=${field.maximum}
      step="1"
      disabled=${Boolean(bounds.closed)}
      placeholder="Random"
      value=${value === -1 ? "" : (value ?? "")}
      onInput=${(/** @type {any} */ event) => set(event.target.value === "" ? undefined : Number(event.target.value))}
    />
    <button type="button" class="button" disabled=${Boolean(bounds.closed)} onClick=${roll} title="Roll the dice">
      <span aria-hidden="true">⚄</span><span class="unseen">Roll the dice</span>
    </button>
    <button type="button" class="button" disabled=${!isGiven(value) || value === -1} onClick=${() => set(undefined)}>
      Random
    </button>
  </div>`;
}

/** @param {ControlProps} props */
function SwitchControl({ field, value, set, id, bounds, told }) {
  return html`<input
    ...${told}
    id=${id}
    class="switch"
    type="checkbox"
    role="switch"
    disabled=${Boolean(bounds.closed)}
    checked=${value ?? field.default ?? false}
    onChange=${(/** @type {any} */ event) => set(event.target.checked)}
  />`;
}
