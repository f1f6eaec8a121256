// What this very input costs, asked of the server as it changes.
import { post } from "./api.js";
import { isGiven } from "./fields.js";
import { html, useEffect, useState } from "./html.js";
import { credits } from "./parts.js";

/** @typedef {import("./fields.js").Card} Card */
/** @typedef {import("./fields.js").Values} Values */

const PAUSE_MS = 150;

/**
 * Return the price of what stands in the form. What is missing yet is taken from the card's example: a price seldom
 * hangs on it, and the form says what is missing.
 * @param {string} model
 * @param {Card | null} card
 * @param {Values} values
 * @param {Record<string, string>} problems
 * @returns {number | null} null while it is not known
 */
export function usePrice(model, card, values, problems) {
  const [price, setPrice] = useState(/** @type {number | null} */ (null));
  const input = card && priced(card, values, problems);
  const asked = JSON.stringify(input);
  useEffect(() => {
    if (!input) return setPrice(null);
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      try {
        setPrice((await post(`api/v1/models/${model}/price`, { input }, { signal: stop.signal })).credits);
      } catch {
        // Said where the request is made: the server refuses it there with the same words.
        if (!stop.signal.aborted) setPrice(null);
      }
    }, PAUSE_MS);
    return () => (clearTimeout(timer), stop.abort());
  }, [model, asked]);
  return price;
}

/**
 * @param {Card} card
 * @param {Values} values
 * @param {Record<string, string>} problems
 * @returns {Values | null} null where no example helps
 */
function priced(card, values, problems) {
  const filled = { ...values };
  for (const field of card.fields.filter((each) => problems[each.name])) {
    if (isGiven(filled[field.name]) && field.kind !== "text" && !field.kind.startsWith("file_")) return null;
    if (!isGiven(card.example[field.name])) return null;
    filled[field.name] = card.example[field.name];
  }
  return filled;
}

/** @param {{ price: number | null }} props */
export function Price({ price }) {
  return html`<p class="price" aria-live="polite">
    ${price === null ? html`<span class="quiet">–</span>` : html`<strong>${credits(price)}</strong>`}
    <span class="help">for this input</span>
  </p>`;
}
