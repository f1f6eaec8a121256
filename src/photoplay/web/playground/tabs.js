// Tabs as the ARIA practices have them: arrows move between them, one of them is on the way of the Tab key.
import { html } from "./html.js";

/**
 * @param {{ names: readonly string[], name: string, choose: (name: any) => void, label: string, panel: string }} props
 */
export function Tabs({ names, name, choose, label, panel }) {
  /** @param {KeyboardEvent} event */
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = names[(names.indexOf(name) + step + names.length) % names.length];
    choose(next);
    document.getElementById(`tab-${next}`)?.focus();
  };
  return html`<div class="tabs" role="tablist" aria-label=${label} onKeyDown=${move}>
    ${names.map(
      (each) => html`<button
        type="button"
        key=${each}
        id=${`tab-${each}`}
        role="tab"
        aria-selected=${each === name ? "true" : "false"}
        aria-controls=${panel}
        tabindex=${each === name ? 0 : -1}
        onClick=${() => choose(each)}
      >
        ${each}
      </button>`,
    )}
  </div>`;
}
