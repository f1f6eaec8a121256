// Chooses a model: by words, by what it does, and by whether this server can run it.
import { href } from "./api.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { number } from "./parts.js";

/**
 * @typedef {object} Model
 * @property {string} model
 * @property {string} title
 * @property {string} provider
 * @property {string[]} taskType
 * @property {string} description
 * @property {{ credits: number, times?: string }[]} price
 * @property {boolean} available
 * @property {string | null} engine
 * @property {string | null} needs
 */

/** @param {{ models: Model[], model: Model, choose: (model: Model) => void }} props */
export function Picker({ models, model, choose }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
  }, [isOpen]);
  /** @param {Model} chosen */
  const pick = (chosen) => {
    choose(chosen);
    dialog.current?.close();
  };
  return html`
    <div class="model">
      <button type="button" class="model-button" aria-haspopup="dialog" onClick=${() => setOpen(true)}>
        <span class="model-title">${model.title}</span>
        <span class="model-id">${model.model}</span>
        <span class="model-change" aria-hidden="true">Change</span>
        <span class="unseen">Choose another model</span>
      </button>
      <p class="help">
        ${model.description}${" "}<a href=${href(`models/${model.model}`)}>Documentation</a>
      </p>
    </div>
    <dialog ref=${dialog} class="panel dialog models" aria-label="Choose a model" onClose=${() => setOpen(false)}>
      ${isOpen && html`<${Choice} models=${models} model=${model} pick=${pick} close=${() => dialog.current?.close()} />`}
    </dialog>
  `;
}

/** @param {{ models: Model[], model: Model, pick: (model: Model) => void, close: () => void }} props */
function Choice({ models, model, pick, close }) {
  const [search, setSearch] = useState("");
  const [type, setType] = useState("");
  const types = [...new Set(models.flatMap((each) => each.taskType))].sort();
  const found = models
    .filter((each) => !type || each.taskType.includes(type))
    .filter((each) => matches(each, search))
    .sort((one, other) => Number(other.available) - Number(one.available));
  return html`
    <div class="dialog-head">
      <h2>Choose a model</h2>
      <button type="button" class="button quiet small" onClick=${close}>Close</button>
    </div>
    <input
      type="search"
      aria-label="Search models"
      placeholder="Search by name, maker or what it does"
      value=${search}
      onInput=${(/** @type {any} */ event) => setSearch(event.target.value)}
    />
    <div class="chips" role="group" aria-label="What it does">
      ${["", ...types].map(
        (each) => html`<button
          type="button"
          key=${each}
          class="chip"
          aria-pressed=${each === type ? "true" : "false"}
          onClick=${() => setType(each)}
        >
          ${each || "All"}
        </button>`,
      )}
    </div>
    <ul class="plain model-list" aria-label="Models">
      ${found.map(
        (each) => html`<li key=${each.model}>
          <button
            type="button"
            class="model-row"
            aria-current=${each === model ? "true" : undefined}
            onClick=${() => pick(each)}
          >
            <span class="model-title">${each.title}</span>
            <span class="model-price">${priceWords(each)}</span>
            <span class="model-id">${each.provider} · ${each.model}</span>
            <span class="model-state">${each.available ? "" : `needs ${each.needs}`}</span>
          </button>
        </li>`,
      )}
    </ul>
    ${!found.length && html`<p class="quiet centred" role="status">No model is like that.</p>`}
  `;
}

/**
 * @param {Model} model
 * @param {string} search
 */
function matches(model, search) {
  const text = `${model.model} ${model.title} ${model.provider} ${model.description}`.toLowerCase();
  return search.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

/** @param {Model} model */
function priceWords(model) {
  const least = Math.min(...model.price.map((row) => row.credits));
  const isOne = model.price.length === 1 && !model.price[0].times;
  return `${isOne ? "" : "from "}${number(least)} cr`;
}
