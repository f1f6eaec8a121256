// The page where a clip is made: a model, a form made from its card, the request that the form is, and what comes of it.
import { get, patiently } from "./api.js";
import { asSignedIn } from "./asking.js";
import { FieldRow } from "./controls.js";
import { readCard } from "./fields.js";
import { sendSample } from "./files.js";
import { html, render, useEffect, useMemo, useRef, useState } from "./html.js";
import { allProblems, carried, exampleOf, isPicture, withoutAbsent } from "./order.js";
import { Notice } from "./parts.js";
import { Picker } from "./picker.js";
import { Price, usePrice } from "./price.js";
import { RequestPane } from "./request_pane.js";
import { Result } from "./result.js";
import { boundsOf } from "./rules.js";
import { Tabs } from "./tabs.js";
import { useTask } from "./task.js";

/** @typedef {import("./picker.js").Model} Model */
/** @typedef {import("./fields.js").Card} Card */
/** @typedef {import("./fields.js").Values} Values */
/** @typedef {import("./requests.js").CreateRequest} CreateRequest */
/** @typedef {import("./task.js").Task} Task */

const TABS = /** @type {const} */ (["Form", "JSON", "API"]);

/** @param {{ models: Model[] }} props */
function Playground({ models }) {
  // A model that is chosen is given what it can use of the form; one that comes with an input, that input as it is.
  const [{ model, carries }, setChosen] = useState(() => ({ model: firstOf(models), carries: false }));
  const [card, setCard] = useState(/** @type {Card | null} */ (null));
  const [values, setValues] = useState(/** @type {Values} */ ({}));
  const [beside, setBeside] = useState(/** @type {Values} */ ({}));
  const [tab, setTab] = useState(/** @type {typeof TABS[number]} */ ("Form"));
  const [touched, setTouched] = useState(/** @type {ReadonlySet<string>} */ (new Set()));
  const [problem, setProblem] = useState("");
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const { taskId, task, open, run, ...way } = useTask();

  useEffect(() => {
    const aborter = new AbortController();
    setCard(null);
    setProblem("");
    note({ model: model.model });
    /** @param {Card} found */
    const take = (found) => {
      if (carries) setValues((before) => carried(found, before));
      setCard(found);
      setProblem("");
    };
    /** @param {Error} error */
    const tell = (error) => aborter.signal.aborted || setProblem(error.message);
    patiently(() => schemaOf(model, aborter.signal), tell).then(take, tell);
    return () => aborter.abort();
  }, [model]);
  useEffect(() => void (taskId && note({ task: taskId })), [taskId]);
  useEffect(() => {
    const asked = new URLSearchParams(location.search).get("task");
    if (asked) void open(asked).then((found) => found && restore(JSON.parse(found.param)));
  }, []);

  /** @param {CreateRequest} request */
  const restore = ({ model: id, input, ...others }) => {
    setChosen((before) => ({ model: models.find((each) => each.model === id) ?? before.model, carries: false }));
    setValues(input);
    setBeside(others);
    setTouched(new Set());
  };
  /** @param {Model} chosen */
  const choose = (chosen) => {
    setChosen({ model: chosen, carries: true });
    setBeside({});
    setTouched(new Set());
  };
  /**
   * @param {string} name
   * @param {any} value
   */
  const set = (name, value) => {
    setTouched((before) => new Set([...before, name]));
    setValues((before) => withoutAbsent({ ...before, [name]: value }));
  };
  const fillIn = async () => {
    if (!card) return;
    setTab("Form");
    setValues(exampleOf(card));
    const pictures = card.fields.filter((field) => field.required && isPicture(field));
    if (!pictures.length) return;
    try {
      const link = await asSignedIn(sendSample);
      for (const field of pictures) set(field.name, link);
      setProblem("");
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  };
  /** @param {Task} done */
  const again = (done) => {
    restore(JSON.parse(done.param));
    setTab("Form");
    requestAnimationFrame(() => focusOn(form.current, ""));
  };

  const request = /** @type {CreateRequest} */ ({ model: model.model, ...beside, input: values });
  const bounds = useMemo(() => card && boundsOf(card, values), [card, values]);
  const problems = useMemo(() => (card && bounds ? allProblems(card, values, bounds) : {}), [card, values, bounds]);
  const price = usePrice(model.model, card, values, problems);
  const picture = card?.fields.find(isPicture);
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    const first = card?.fields.find((field) => problems[field.name]);
    if (!first) return void run(request);
    setTouched(new Set(card?.fields.map((field) => field.name)));
    setTab("Form");
    requestAnimationFrame(() => focusOn(form.current, first.name));
  };
  return html`
    <h1 class="unseen">Playground</h1>
    <div class="bench">
      <form class="panel order" ref=${form} onSubmit=${submit} noValidate aria-label="Request">
        <${Picker} models=${models} model=${model} choose=${choose} />
        <div class="tab-row">
          <${Tabs} names=${TABS} name=${tab} choose=${setTab} label="The request" panel="pane" />
          <button type="button" class="link" disabled=${!card} onClick=${fillIn}>Fill in the example</button>
        </div>
        <div class="pane" id="pane" role="tabpanel" aria-labelledby=${`tab-${tab}`} aria-busy=${!card}>
          ${problem && html`<${Notice} kind="error">${problem}<//>`}
          ${tab !== "Form" && html`<${RequestPane} kind=${tab} request=${request} models=${models} take=${restore} />`}
          ${tab === "Form" &&
          bounds &&
          card?.fields.map(
            (field) => html`<${FieldRow}
              key=${`${model.model} ${field.name}`}
              field=${field}
              value=${values[field.name]}
              set=${(/** @type {any} */ value) => set(field.name, value)}
              problem=${bounds[field.name].problem || (touched.has(field.name) ? (problems[field.name] ?? "") : "")}
              bounds=${bounds[field.name]}
            />`,
          )}
        </div>
        <div class="submit">
          <${Price} price=${price} />
          ${model.available
            ? html`<button class="button primary run" disabled=${way.isBusy}>${way.isBusy ? "Running…" : "Run"}</button>`
            : html`<p class="help">Not on this server: it needs ${model.needs}.</p>`}
        </div>
      </form>
      <${Result}
        ...${way}
        task=${task}
        follow=${() => open(taskId)}
        again=${again}
        example=${fillIn}
        useFrame=${picture && ((/** @type {string} */ link) => set(picture.name, link))}
      />
    </div>
  `;
}

/**
 * @param {Model} model
 * @param {AbortSignal} signal
 * @returns {Promise<Card>}
 */
async function schemaOf(model, signal) {
  return readCard(await get(`api/v1/models/${model.model}/schema`, {}, signal));
}

/** @param {Model[]} models */
function firstOf(models) {
  const asked = new URLSearchParams(location.search).get("model");
  return models.find((each) => each.model === asked) ?? models.find((each) => each.available) ?? models[0];
}

/**
 * Keep in the address what a reload or a shared link should show again.
 * @param {Record<string, string>} changed
 */
function note(changed) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(changed)) url.searchParams.set(name, value);
  history.replaceState(null, "", url);
}

/**
 * @param {HTMLElement | null} form
 * @param {string} name of a field; empty for the first
 */
function focusOn(form, name) {
  const row = form?.querySelector(name ? `[data-field="${CSS.escape(name)}"]` : "[data-field]");
  const control = row?.querySelector("input, textarea, select, button");
  if (control instanceof HTMLElement) control.focus();
  row?.scrollIntoView({ block: "nearest" });
}

const place = document.getElementById("app");
if (place) {
  /** @param {Error} error */
  const tell = (error) => render(html`<${Notice} kind="error">${error.message}<//>`, place);
  patiently(() => get("api/v1/models"), tell).then(
    ({ models }) => render(html`<${Playground} models=${models} />`, place),
    tell,
  );
}
