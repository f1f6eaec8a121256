// What modules render with: htm's tagged templates, made into Preact's elements. A text in them is text, never markup.
import htm from "../static/vendor/htm.mjs";
import { useState } from "../static/vendor/hooks.mjs";
import { h } from "../static/vendor/preact.mjs";

/** @type {(strings: TemplateStringsArray, ...values: any[]) => any} */
export const html = htm.bind(h);
export { render } from "../static/vendor/preact.mjs";
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from "../static/vendor/hooks.mjs";

let ids = 0;

/** Return an id that no other element of the page has. Preact's own counts anew in every place that is rendered to. */
export function useId() {
  const [id] = useState(() => `id-${++ids}`);
  return id;
}
