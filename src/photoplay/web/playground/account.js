// The caller's account: what is left, what was used, the keys, and the secret that signs callbacks.
import { get, post } from "./api.js";
import { html, useRef, useState } from "./html.js";
import { show, useAction, useLive } from "./live.js";
import { CopyButton, credits, moment, Notice, number, Tile } from "./parts.js";
import { UsagePlot } from "./usage_plot.js";

/** @typedef {import("./session.js").Session} Session */

/** @param {{ who: Session }} props */
function AccountPage({ who }) {
  const account = useLive((signal) => get("api/v1/account", {}, signal), { everyMs: () => 5000 });
  const usage = useLive((signal) => get("api/v1/account/usage", {}, signal), { everyMs: () => 0 });
  const { data } = account;
  return html`
    <h1>Account</h1>
    ${account.problem && html`<${Notice} kind="error">${account.problem}<//>`}
    <div class="tiles">
      <${Tile} label="Balance" value=${data && number(data.credits)} unit="credits" />
      <${Tile} label="Held by unfinished tasks" value=${data && number(data.heldCredits)} unit="credits" />
      <${Tile}
        label="Unfinished tasks"
        value=${data && number(data.unfinishedTasks)}
        unit=${data && `of ${number(data.unfinishedTasksMax)}`}
      />
      <${Tile}
        label="New tasks"
        value=${data && (data.createsMax === null ? "any" : number(data.createsMax))}
        unit=${data && (data.createsMax === null ? "number" : `in ${data.createsWindowSeconds} s`)}
      />
    </div>
    <section class="panel">
      <h2>Usage</h2>
      ${usage.problem && html`<${Notice} kind="error">${usage.problem}<//>`}
      <div class="plot-room">${usage.data && html`<${UsagePlot} rows=${usage.data} />`}</div>
    </section>
    <${Keys} who=${who} />
    <${CallbackSecret} />
  `;
}

/** @param {{ who: Session }} props */
function Keys({ who }) {
  const { data, problem, reload } = useLive((signal) => get("api/v1/account/keys", {}, signal), { everyMs: () => 0 });
  const [made, setMade] = useState(/** @type {any} */ (null));
  const [isMaking, setMaking] = useState(false);
  const done = (/** @type {any} */ key) => {
    setMade(key);
    setMaking(false);
    reload();
  };
  return html`
    <section class="panel">
      <div class="heading">
        <h2>Keys</h2>
        <button class="button small" aria-expanded=${isMaking} onClick=${() => setMaking(!isMaking)}>New key</button>
      </div>
      ${problem && html`<${Notice} kind="error">${problem}<//>`}
      ${isMaking && html`<${NewKey} onMade=${done} />`}
      ${made && html`<${Secret} title=${`The key ${made.name || made.prefix}`} text=${made.key} />`}
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Key</th>
              <th scope="col" class="number">Spent today</th>
              <th scope="col" class="number">Spent in all</th>
              <th scope="col">Last used</th>
              <th scope="col"><span class="unseen">What can be done</span></th>
            </tr>
          </thead>
          <tbody>
            ${data?.map((/** @type {any} */ key) => {
              return html`<${KeyRow} key=${key.id} given=${key} isOwn=${key.id === who.keyId} onChange=${reload} />`;
            })}
          </tbody>
        </table>
      </div>
    </section>
  `;
}

/** @param {{ onMade: (key: any) => void }} props */
function NewKey({ onMade }) {
  const { isBusy, problem, act } = useAction();
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  /** @param {Event} event */
  const make = (event) => {
    event.preventDefault();
    const given = new FormData(form.current ?? undefined);
    act(async () => {
      onMade(
        await post("api/v1/account/keys", {
          name: given.get("name"),
          dayCredits: whole(given.get("dayCredits")),
          totalCredits: whole(given.get("totalCredits")),
        }),
      );
    });
  };
  return html`
    <form class="filters sunken" ref=${form} onSubmit=${make}>
      <label>Name<input name="name" maxlength="60" placeholder="my-shop" spellcheck=${false} /></label>
      <label>Credits a day<input name="dayCredits" type="number" min="0" step="1" placeholder="No limit" /></label>
      <label>Credits in all<input name="totalCredits" type="number" min="0" step="1" placeholder="No limit" /></label>
      <button class="button primary" disabled=${isBusy}>Create key</button>
      ${problem && html`<${Notice} kind="error">${problem}<//>`}
    </form>
  `;
}

/** @param {{ given: any, isOwn: boolean, onChange: () => void }} props */
function KeyRow({ given, isOwn, onChange }) {
  const { isBusy, problem, act } = useAction();
  const [isEditing, setEditing] = useState(false);
  const cap = useRef(/** @type {HTMLInputElement | null} */ (null));
  const send = (/** @type {string} */ what, /** @type {unknown} */ body) =>
    act(async () => {
      await post(`api/v1/account/keys/${given.id}/${what}`, body);
      setEditing(false);
      onChange();
    });
  const revoke = () => {
    if (confirm(`Revoke ${given.name || given.prefix}? What uses it stops working at once, for good.`)) send("revoke", {});
  };
  const isLive = given.revokeTime === null;
  return html`
    <tr class=${isLive ? "" : "over"}>
      <td>
        <strong>${given.name || "Unnamed"}</strong>
        ${isOwn && html` <span class="pill">in use here</span>`}${given.admin && html` <span class="pill">admin</span>`}
        ${!isLive && html` <span class="pill">revoked</span>`}
        <div class="quiet"><code>${given.prefix}…</code></div>
        ${problem && html`<${Notice} kind="error">${problem}<//>`}
      </td>
      <td class="number">${number(given.daySpent)}${ofCap(given.dayCredits)}</td>
      <td class="number">${number(given.totalSpent)}${ofCap(given.totalCredits)}</td>
      <td class="quiet nowrap">${given.lastUseTime ? moment(given.lastUseTime) : "Never"}</td>
      <td class="nowrap row-actions">
        ${isLive && !isEditing && html`<button class="button quiet small" onClick=${() => setEditing(true)}>Limit</button>`}
        ${isLive &&
        !isEditing &&
        !isOwn &&
        html`<button class="button quiet small" disabled=${isBusy} onClick=${revoke}>Revoke</button>`}
        ${isEditing &&
        html`
          <input ref=${cap} type="number" min="0" step="1" aria-label="Credits a day" value=${given.dayCredits ?? ""} placeholder="a day" />
          <button
            class="button small"
            disabled=${isBusy}
            onClick=${() => send("limit", { dayCredits: whole(cap.current?.value ?? "") })}
          >
            Save
          </button>
        `}
      </td>
    </tr>
  `;
}

function CallbackSecret() {
  const { isBusy, problem, act } = useAction();
  const [rotation, setRotation] = useState(/** @type {any} */ (null));
  const rotate = () => {
    if (!confirm("Make a new callback secret? The one before signs too for another 24 hours.")) return;
    act(async () => setRotation(await post("api/v1/jobs/callbacks/secret/rotate", {})));
  };
  return html`
    <section class="panel">
      <div class="heading">
        <h2>Callback secret</h2>
        <button class="button small" disabled=${isBusy} onClick=${rotate}>Rotate</button>
      </div>
      <p class="quiet">
        It signs every callback, so that a receiver can tell ours from others. For 24 hours after a rotation the one before
        signs too: beside the new one in <code>webhook-signature</code>, by turns with it in
        <code>X-Webhook-Signature</code>.
      </p>
      ${problem && html`<${Notice} kind="error">${problem}<//>`}
      ${rotation &&
      html`
        <${Secret} title="The new secret" text=${rotation.secret} />
        <p class="help">The one before signs too until ${moment(rotation.earlierSecretUntil)}.</p>
      `}
    </section>
  `;
}

/** @param {{ title: string, text: string }} props */
function Secret({ title, text }) {
  return html`
    <div class="notice once" role="status">
      <strong>${title}. It is shown this once: keep it now.</strong>
      <p class="id"><code>${text}</code><${CopyButton} text=${text} kind="small" /></p>
    </div>
  `;
}

/** @param {number | null} cap */
function ofCap(cap) {
  return cap === null ? "" : html`<span class="quiet"> of ${credits(cap)}</span>`;
}

/** @param {FormDataEntryValue | null} text */
function whole(text) {
  return text ? Number(text) : null;
}

show("Account", AccountPage);
