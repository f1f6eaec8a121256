// The request that the form is: as JSON to be edited, and as it is sent from elsewhere.
import { html, useEffect, useId, useState } from "./html.js";
import { CopyButton } from "./parts.js";
import { LANGUAGES, indented } from "./requests.js";

/** @typedef {import("./requests.js").CreateRequest} CreateRequest */

/**
 * @typedef {object} PaneProps
 * @property {"JSON" | "API"} kind
 * @property {CreateRequest} request
 * @property {{ model: string }[]} models that there are
 * @property {(request: CreateRequest) => void} take
 */

/** @param {PaneProps} props */
export function RequestPane(props) {
  return props.kind === "JSON" ? html`<${JsonEditor} ...${props} />` : html`<${Snippets} ...${props} />`;
}

/** @param {PaneProps} props */
function JsonEditor({ request, models, take }) {
  const id = useId();
  const [text, setText] = useState(() => indented(request));
  const [problem, setProblem] = useState("");
  // What was changed elsewhere replaces the text; what was typed here stays as it was typed.
  useEffect(() => {
    if (indented(read(text).request ?? null) !== indented(request)) setText(indented(request));
  }, [indented(request)]);
  /** @param {any} event */
  const edit = (event) => {
    setText(event.target.value);
    const found = read(event.target.value);
    const isKnown = !found.request || models.some((each) => each.model === found.request?.model);
    setProblem(isKnown ? found.problem : "This server has no such model");
    if (found.request && isKnown) take(found.request);
  };
  return html`
    <label for=${id}>What is posted to createTask</label>
    <textarea
      id=${id}
      class="code"
      rows="16"
      spellcheck=${false}
      value=${text}
      aria-invalid=${problem ? "true" : undefined}
      aria-describedby=${`${id}-problem`}
      onInput=${edit}
    />
    <p class="problem" id=${`${id}-problem`} role="alert">${problem}</p>
    <p class="help">The form follows what is written here. <${CopyButton} text=${text} /></p>
  `;
}

/**
 * @param {string} text
 * @returns {{ request: CreateRequest | null, problem: string }}
 */
function read(text) {
  try {
    const value = JSON.parse(text);
    const isRequest = typeof value?.model === "string" && typeof value.input === "object" && value.input !== null;
    return isRequest
      ? { request: value, problem: "" }
      : { request: null, problem: 'It needs a "model" and an "input", which is an object' };
  } catch (error) {
    return { request: null, problem: `This is not JSON yet: ${error instanceof Error ? error.message : error}` };
  }
}

/** @param {PaneProps} props */
function Snippets({ request }) {
  const [language, setLanguage] = useState("cURL");
  const code = LANGUAGES[language](request);
  return html`
    <div class="chips" role="group" aria-label="Language">
      ${Object.keys(LANGUAGES).map(
        (each) => html`<button
          type="button"
          key=${each}
          class="chip"
          aria-pressed=${each === language ? "true" : "false"}
          onClick=${() => setLanguage(each)}
        >
          ${each}
        </button>`,
      )}
      <${CopyButton} text=${code} />
    </div>
    <pre class="snippet" tabindex="0" aria-label=${language}><code>${code}</code></pre>
    <p class="help">
      With a key in the environment: <code>export API_KEY=…</code>. Run sends the same, with this browser's session for a
      key and an <code>Idempotency-Key</code>, so that what is sent twice is paid once.
    </p>
  `;
}
