// One task: what was asked, what came of it, what it cost, and whom it was told.
import { get, href, ownHref, post } from "./api.js";
import { html } from "./html.js";
import { show, useAction, useLive } from "./live.js";
import { CopyButton, credits, duration, moment, Notice, number, StatePill } from "./parts.js";

const RUNNING_MS = 1500;
// After the end its callbacks go on for a while.
const ENDED_MS = 5000;
const TASK_ID = location.pathname.replace(/\/$/, "").split("/").pop() ?? "";
const TIME = new Intl.DateTimeFormat("en", { timeStyle: "medium" });
const WORDS = Object.freeze(
  /** @type {Record<string, string>} */ ({
    accepted: "Accepted",
    generating: "Generating",
    stored: "Clip stored",
    succeeded: "Done",
    failed: "Failed",
    cancelled: "Cancelled",
    expired: "Expired",
    callback: "Callback promised",
    delivery: "Delivery",
  }),
);

/** @param {AbortSignal} signal */
async function load(signal) {
  const query = { taskId: TASK_ID };
  const [record, timeline, entries, told] = await Promise.all([
    get("api/v1/jobs/recordInfo", query, signal),
    get("api/v1/jobs/timeline", query, signal),
    get("api/v1/jobs/entries", query, signal),
    get("api/v1/jobs/callbacks", query, signal),
  ]);
  return { record, timeline, entries, callbacks: told.callbacks };
}

function TaskPage() {
  const { data, problem, reload } = useLive(load, {
    everyMs: ({ record, callbacks }) => {
      if (record.completeTime === null) return RUNNING_MS;
      return callbacks.some((/** @type {any} */ each) => each.state === "pending") ? ENDED_MS : 0;
    },
  });
  if (!data) {
    return html`
      <h1>Task</h1>
      ${problem ? html`<${Notice} kind="error">${problem}<//>` : html`<p class="quiet" role="status">Loading…</p>`}
    `;
  }
  const { record, timeline, entries, callbacks } = data;
  const request = JSON.parse(record.param);
  return html`
    <p class="crumb"><a href=${href("history")}>History</a></p>
    <div class="heading">
      <h1 class="clamped">${request.input?.prompt || "Task"}</h1>
      <${StatePill} state=${record.state} />
    </div>
    ${problem && html`<${Notice} kind="error">${problem}<//>`}
    <div class="columns">
      <div class="column">
        <${Clip} record=${record} onCancelled=${reload} />
        <${Code} title="Request" text=${JSON.stringify(request, null, 2)} />
        <${Code} title="Answer" text=${JSON.stringify(record, null, 2)} />
      </div>
      <div class="column">
        <${Facts} record=${record} />
        <${Timeline} moments=${timeline} />
        <${Entries} entries=${entries} />
        ${request.callBackUrl && html`<${Callbacks} callbacks=${callbacks} onResent=${reload} />`}
      </div>
    </div>
  `;
}

/** @param {{ record: any, onCancelled: () => void }} props */
function Clip({ record, onCancelled }) {
  const { isBusy, problem, act } = useAction();
  if (record.state === "success") {
    const { resultUrls, posterUrl } = JSON.parse(record.resultJson);
    return html`
      <section class="panel" aria-label="Clip">
        <video class="clip" src=${ownHref(resultUrls[0])} poster=${posterUrl && ownHref(posterUrl)} controls loop muted playsinline></video>
        <p class="actions">
          <a class="button small" href=${ownHref(resultUrls[0])} download=${`${record.taskId}.mp4`}>Download</a>
          <${CopyButton} text=${resultUrls[0]} label="Copy link" />
        </p>
      </section>
    `;
  }
  if (record.state === "fail") {
    return html`<${Notice} kind="error" title=${`It failed (${record.failCode})`}>${record.failMsg}<//>`;
  }
  const cancel = () =>
    act(async () => {
      await post("api/v1/jobs/cancelTask", { taskId: record.taskId });
      onCancelled();
    });
  return html`
    <section class="panel" aria-label="Progress">
      <progress max="100" value=${record.progress} aria-label="Progress"></progress>
      <p class="actions spread">
        <span class="quiet">
          ${record.progress} %${record.queuePosition && ` · ${record.queuePosition} in the queue`}
          ${record.etaSeconds !== null && ` · about ${duration(record.etaSeconds)} to go`}
        </span>
        <button class="button small" disabled=${isBusy} onClick=${cancel}>Cancel</button>
      </p>
      ${problem && html`<${Notice} kind="error">${problem}<//>`}
    </section>
  `;
}

/** @param {Record<string, number>} timings in milliseconds, by the step's name */
function steps(timings) {
  return ["wait", "fetch", "engine", "store"]
    .map((name) => `${name} ${((timings[`${name}Ms`] ?? 0) / 1000).toFixed(1)} s`)
    .join(", ");
}

/** @param {{ record: any }} props */
function Facts({ record }) {
  const facts = [
    ["Model", html`<a href=${href(`models/${record.model}`)}>${record.model}</a>`],
    ["Engine", [record.engine, record.engineVersion].filter(Boolean).join(" ")],
    ["Seed", record.seed ?? "–"],
    ["Created", moment(record.createTime)],
    ["Took", record.costTime ? duration(record.costTime) : "–"],
    ["Steps", record.timings ? steps(record.timings) : "–"],
    ["Cost", record.state === "success" ? credits(record.creditsConsumed) : "–"],
    ["Reference", record.clientReference ?? "–"],
  ];
  return html`
    <section class="panel" aria-label="Facts">
      <dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
      <p class="id"><code>${record.taskId}</code><${CopyButton} text=${record.taskId} label="Copy id" /></p>
    </section>
  `;
}

/** @param {{ moments: any[] }} props */
function Timeline({ moments }) {
  return html`
    <section class="panel">
      <h2>Timeline</h2>
      <ol class="timeline">
        ${moments.map(
          ({ time, what, detail }) => html`
            <li class=${what}>
              <time datetime=${new Date(time).toISOString()}>${TIME.format(new Date(time))}</time>
              <strong>${WORDS[what] ?? what}</strong>
              ${detail && html`<span class="quiet">${detail}</span>`}
            </li>
          `,
        )}
      </ol>
    </section>
  `;
}

/** @param {{ entries: any[] }} props */
function Entries({ entries }) {
  return html`
    <section class="panel">
      <h2>Ledger entries</h2>
      <div class="scroll">
        <table>
          <thead>
            <tr><th scope="col">Reason</th><th scope="col">Book</th><th scope="col" class="number">Credits</th></tr>
          </thead>
          <tbody>
            ${entries.map(
              (entry) => html`
                <tr>
                  <td>${entry.reason}</td>
                  <td>${entry.book}</td>
                  <td class="number">${entry.credits > 0 ? "+" : ""}${number(entry.credits)}</td>
                </tr>
              `,
            )}
          </tbody>
        </table>
      </div>
    </section>
  `;
}

/** @param {{ callbacks: any[], onResent: () => void }} props */
function Callbacks({ callbacks, onResent }) {
  const { isBusy, problem, act } = useAction();
  const resend = () =>
    act(async () => {
      await post("api/v1/jobs/callbacks/resend", { taskId: TASK_ID });
      onResent();
    });
  return html`
    <section class="panel">
      <div class="heading">
        <h2>Callback</h2>
        <button class="button small" disabled=${isBusy || callbacks.length === 0} onClick=${resend}>Resend</button>
      </div>
      ${problem && html`<${Notice} kind="error">${problem}<//>`}
      ${callbacks.length === 0 && html`<p class="quiet">It is sent when the task ends.</p>`}
      ${callbacks.map((each) => html`<${Callback} key=${each.id} callback=${each} />`)}
    </section>
  `;
}

/** @param {{ callback: any }} props */
function Callback({ callback }) {
  return html`
    <p><code class="url">${callback.url}</code></p>
    <p class="quiet">
      ${callback.event}: ${callback.state}${callback.nextTime && `, next attempt ${moment(callback.nextTime)}`}
    </p>
    <ol class="attempts" aria-label="Attempts">
      ${callback.attempts.map(
        (/** @type {any} */ each) => html`
          <li>
            <span class=${each.status >= 200 && each.status < 300 ? "good" : "bad"}>
              ${each.status ?? (each.error ? "no answer" : "under way")}
            </span>
            <span class="quiet">
              ${TIME.format(new Date(each.startTime))}${each.durationMs !== null && `, ${number(each.durationMs)} ms`}
            </span>
            ${each.error && html`<span class="quiet">${each.error}</span>`}
          </li>
        `,
      )}
    </ol>
  `;
}

/** @param {{ title: string, text: string }} props */
function Code({ title, text }) {
  return html`
    <section class="panel">
      <div class="heading"><h2>${title}</h2><${CopyButton} text=${text} /></div>
      <pre tabindex="0" aria-label=${title}>${text}</pre>
    </section>
  `;
}

show("Task", TaskPage);
