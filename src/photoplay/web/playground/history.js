// The caller's tasks, the newest first, a page at a time.
import { get, href, ownHref } from "./api.js";
import { html, useState } from "./html.js";
import { show, useLive } from "./live.js";
import { duration, moment, Notice, number, STATES, StatePill } from "./parts.js";

const PAGE_TASKS = 25;
const REFRESH_MS = 3000;
const FILTERS = ["state", "model", "key", "clientReference", "from", "to"];

/** Return the filters that the address holds, so that a list can be linked to. */
function asked() {
  const query = new URLSearchParams(location.search);
  return Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ""]));
}

/** @param {Record<string, string>} filters */
function toQuery({ from, to, ...rest }) {
  const day = 24 * 3600 * 1000;
  return {
    ...rest,
    createdAfter: from ? Date.parse(`${from}T00:00`) : undefined,
    createdBefore: to ? Date.parse(`${to}T00:00`) + day : undefined,
    limit: PAGE_TASKS,
  };
}

function History() {
  const [filters, setFilters] = useState(asked);
  // Where each page that was seen begins; the last one is shown.
  const [cursors, setCursors] = useState(/** @type {string[]} */ ([""]));
  const cursor = cursors[cursors.length - 1];
  const { data, problem } = useLive(
    (signal) => get("api/v1/jobs", { ...toQuery(filters), cursor }, signal),
    {
      key: JSON.stringify([filters, cursor]),
      everyMs: (page) => (page.tasks.some(isUnfinished) || cursor === "" ? REFRESH_MS : 0),
    },
  );
  /** @param {Record<string, string>} changed */
  const choose = (changed) => {
    const url = new URL(location.href);
    url.search = String(new URLSearchParams(Object.entries(changed).filter(([, value]) => value)));
    history.replaceState(null, "", url);
    setCursors([""]);
    setFilters(changed);
  };
  return html`
    <div class="heading">
      <h1>History</h1>
      <a class="button primary small" href=${href("")}>New clip</a>
    </div>
    <${Filters} filters=${filters} onChange=${choose} />
    ${problem && html`<${Notice} kind="error">${problem}<//>`}
    ${data && html`<${Tasks} tasks=${data.tasks} isFiltered=${FILTERS.some((name) => filters[name])} />`}
    ${!data && !problem && html`<p class="quiet" role="status">Loading…</p>`}
    <nav class="pager" aria-label="Pages of the list">
      <button class="button small" disabled=${cursors.length === 1} onClick=${() => setCursors(cursors.slice(0, -1))}>
        Newer
      </button>
      <span class="quiet">Page ${cursors.length}</span>
      <button
        class="button small"
        disabled=${!data?.nextCursor}
        onClick=${() => setCursors([...cursors, data.nextCursor])}
      >
        Older
      </button>
    </nav>
  `;
}

/** @param {{ filters: Record<string, string>, onChange: (filters: Record<string, string>) => void }} props */
function Filters({ filters, onChange }) {
  const { data: models } = useLive((signal) => get("api/v1/models", {}, signal), { everyMs: () => 0 });
  const { data: keys } = useLive((signal) => get("api/v1/account/keys", {}, signal), { everyMs: () => 0 });
  /** @param {string} name */
  const bind = (name) => ({
    value: filters[name],
    onChange: (/** @type {any} */ event) => onChange({ ...filters, [name]: event.target.value.trim() }),
  });
  return html`
    <form class="filters" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
      <label>
        State
        <select ...${bind("state")}>
          <option value="">Any</option>
          ${Object.entries(STATES).map(([state, name]) => html`<option value=${state}>${name}</option>`)}
        </select>
      </label>
      <label>
        Model
        <select ...${bind("model")}>
          <option value="">Any</option>
          ${models?.models.map((/** @type {any} */ each) => html`<option value=${each.model}>${each.title}</option>`)}
        </select>
      </label>
      <label>
        Key
        <select ...${bind("key")}>
          <option value="">Any</option>
          ${keys?.map((/** @type {any} */ key) => html`<option value=${key.id}>${key.name || key.prefix}</option>`)}
        </select>
      </label>
      <label>Reference<input ...${bind("clientReference")} placeholder="Exactly as sent" spellcheck=${false} /></label>
      <label>From<input type="date" ...${bind("from")} /></label>
      <label>To<input type="date" ...${bind("to")} /></label>
    </form>
  `;
}

/** @param {{ tasks: any[], isFiltered: boolean }} props */
function Tasks({ tasks, isFiltered }) {
  if (tasks.length === 0) {
    return html`
      <div class="panel empty">
        <p>${isFiltered ? "No task fits these filters." : "No tasks yet. The first one takes half a minute."}</p>
        ${!isFiltered && html`<a class="button primary" href=${href("")}>Make a clip</a>`}
      </div>
    `;
  }
  return html`
    <div class="panel flush">
      <table class="tasks">
        <thead>
          <tr>
            <th scope="col"><span class="unseen">Picture</span></th>
            <th scope="col">Task</th>
            <th scope="col">State</th>
            <th scope="col" class="wide number">Credits</th>
            <th scope="col" class="wide number">Took</th>
            <th scope="col" class="wide">Created</th>
          </tr>
        </thead>
        <tbody>
          ${tasks.map((task) => html`<${Row} key=${task.taskId} task=${task} />`)}
        </tbody>
      </table>
    </div>
  `;
}

/** @param {{ task: any }} props */
function Row({ task }) {
  const poster = task.resultJson && JSON.parse(task.resultJson).posterUrl;
  const prompt = JSON.parse(task.param).input?.prompt;
  return html`
    <tr>
      <td class="thumb">
        ${poster
          ? html`<img src=${ownHref(poster)} alt="" width="80" height="48" loading="lazy" />`
          : html`<span class=${`blank ${task.state}`}></span>`}
      </td>
      <td class="what">
        <a href=${href(`tasks/${task.taskId}`)}>${typeof prompt === "string" && prompt ? prompt : "Without a prompt"}</a>
        <span class="quiet">${task.model}${task.clientReference && ` · ${task.clientReference}`}</span>
      </td>
      <td>
        <${StatePill} state=${task.state} />
        ${isUnfinished(task) && task.progress > 0 && html`<span class="quiet progress-text">${task.progress} %</span>`}
      </td>
      <td class="wide number">${task.state === "success" ? number(task.creditsConsumed) : "–"}</td>
      <td class="wide number">${task.state === "success" ? duration(task.costTime) : "–"}</td>
      <td class="wide quiet nowrap">${moment(task.createTime)}</td>
    </tr>
  `;
}

/** @param {any} task */
function isUnfinished(task) {
  return task.completeTime === null;
}

show("History", History);
