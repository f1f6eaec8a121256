// The operator's view: what waits, what runs, what failed; and the switch for the whole service.
import { get, post } from "./api.js";
import { html } from "./html.js";
import { show, useAction, useLive } from "./live.js";
import { bytes, duration, moment, Notice, number, Tile } from "./parts.js";

/** @typedef {import("./session.js").Session} Session */

const REFRESH_MS = 2000;
const MODES = Object.freeze(
  /** @type {Record<string, { name: string, says: string, pill: string }>} */ ({
    running: { name: "Running", says: "Tasks are accepted and started.", pill: "success" },
    paused: { name: "Paused", says: "Tasks are accepted and wait; none is started. What runs goes on.", pill: "generating" },
    draining: { name: "Draining", says: "New tasks are refused; what was accepted goes on to its end.", pill: "fail" },
  }),
);

/** @param {{ who: Session }} props */
function AdminPage({ who }) {
  if (!who.admin) {
    return html`
      <h1>Admin</h1>
      <${Notice} title="This page is for an operator.">
        Sign out, and in again with an admin key: the first is in the file <code>admin-key</code> of the data folder.
      <//>
    `;
  }
  return html`<${Overview} />`;
}

function Overview() {
  const { data, problem, reload } = useLive((signal) => get("api/v1/admin/overview", {}, signal), {
    everyMs: () => REFRESH_MS,
  });
  if (!data) {
    return html`
      <h1>Admin</h1>
      ${problem ? html`<${Notice} kind="error">${problem}<//>` : html`<p class="quiet" role="status">Loading…</p>`}
    `;
  }
  const waiting = data.queues.reduce((/** @type {number} */ sum, /** @type {any} */ each) => sum + each.waiting, 0);
  const oldest = Math.max(0, ...data.queues.map((/** @type {any} */ each) => each.oldestSeconds));
  const running = data.running.reduce((/** @type {number} */ sum, /** @type {any} */ each) => sum + each.jobs, 0);
  return html`
    <h1>Admin</h1>
    ${problem && html`<${Notice} kind="error">${problem}<//>`}
    <${Switch} data=${data} onChange=${reload} />
    <div class="tiles">
      <${Tile} label="Waiting" value=${number(waiting)} unit="tasks" />
      <${Tile} label="The oldest waits for" value=${waiting ? duration(oldest) : "–"} />
      <${Tile} label="Running" value=${number(running)} unit="jobs" />
      <${Tile} label="Disk free" value=${bytesLarge(data.disk.freeBytes)} />
    </div>
    <div class="columns even">
      <${Rows}
        title="Queues"
        heads=${["Engine", "Waiting", "Oldest"]}
        rows=${data.queues.map((/** @type {any} */ each) => [each.engine, number(each.waiting), duration(each.oldestSeconds)])}
        none="Nothing waits."
      />
      <${Rows}
        title="Running"
        heads=${["Worker", "Engine", "Jobs"]}
        rows=${data.running.map((/** @type {any} */ each) => [html`<code>${each.worker.slice(0, 8)}</code>`, each.engine, number(each.jobs)])}
        none="Nothing runs."
      />
      <${Rows}
        title="Callbacks"
        heads=${["Deliveries", "Number"]}
        rows=${[
          ["Pending", number(data.deliveries.pending)],
          ["Due now", number(data.deliveries.due)],
          ["Tried in vain, to be repeated", number(data.deliveries.failing)],
          ["Given up in the last 24 hours", number(data.deliveries.exhausted)],
        ]}
        none=""
      />
      <${Rows}
        title="Files"
        heads=${["Kept", "Number"]}
        rows=${[
          ["Files", number(data.disk.files)],
          ["In all", bytesLarge(data.disk.filesBytes)],
          ["Free on the disk", bytesLarge(data.disk.freeBytes)],
          ["New tasks are refused below", bytesLarge(data.disk.freeBytesMin)],
        ]}
        none=""
      />
    </div>
    <${Rows}
      title="Failures of the last 24 hours"
      heads=${["Cause", "Engine", "Last", "Tasks"]}
      rows=${data.failures.map((/** @type {any} */ each) => [
        html`<span class="pill fail">${each.code}</span> ${each.message}`,
        each.engine,
        moment(each.lastTime),
        number(each.tasks),
      ])}
      none="Nothing failed."
    />
  `;
}

/** @param {{ data: any, onChange: () => void }} props */
function Switch({ data, onChange }) {
  const { isBusy, problem, act } = useAction();
  const mode = MODES[data.mode];
  /** @param {string} to */
  const set = (to) =>
    act(async () => {
      await post("api/v1/admin/mode", { mode: to });
      onChange();
    });
  /** @param {string} to @param {string} label */
  const button = (to, label) =>
    data.mode !== to && html`<button class="button small" disabled=${isBusy} onClick=${() => set(to)}>${label}</button>`;
  return html`
    <section class="panel switch" aria-label="The service">
      <div role="status">
        <span class=${`pill ${mode.pill}`}>${mode.name}</span>${"  "}${mode.says}
        ${data.changedBy && html`<span class="quiet nowrap"> Since ${moment(data.changeTime)}.</span>`}
      </div>
      <div class="actions">${button("running", "Resume")}${button("paused", "Pause")}${button("draining", "Drain")}</div>
      ${problem && html`<${Notice} kind="error">${problem}<//>`}
    </section>
  `;
}

/**
 * A small table whose numbers stand in its last column.
 * @param {{ title: string, heads: string[], rows: any[][], none: string }} props
 */
function Rows({ title, heads, rows, none }) {
  const last = heads.length - 1;
  return html`
    <section class="panel">
      <h2>${title}</h2>
      ${rows.length === 0
        ? html`<p class="quiet">${none}</p>`
        : html`
            <div class="scroll">
              <table>
                <thead>
                  <tr>${heads.map((head, at) => html`<th scope="col" class=${at === last ? "number" : ""}>${head}</th>`)}</tr>
                </thead>
                <tbody>
                  ${rows.map(
                    (row) => html`<tr>${row.map((cell, at) => html`<td class=${at === last ? "number" : ""}>${cell}</td>`)}</tr>`,
                  )}
                </tbody>
              </table>
            </div>
          `}
    </section>
  `;
}

/** @param {number} size */
function bytesLarge(size) {
  return size < 1e9 ? bytes(size) : `${(size / 1e9).toFixed(size < 1e10 ? 1 : 0)} GB`;
}

show("Admin", AdminPage);
