// Parts that several pages are made of, and how they write numbers and times.
import { html, useId, useRef, useState } from "./html.js";
import { signIn } from "./session.js";

const NUMBER = new Intl.NumberFormat("en");
const MOMENT = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

/**
 * @param {number} count
 * @param {string} what in the singular
 */
export function counted(count, what) {
  return `${NUMBER.format(count)} ${what}${count === 1 ? "" : "s"}`;
}

/** @param {number} count */
export function credits(count) {
  return counted(count, "credit");
}

/** @param {number} count */
export function number(count) {
  return NUMBER.format(count);
}

/** @param {number} bytes */
export function bytes(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  const [size, unit] = bytes < 1024 * 1024 ? [bytes / 1024, "KB"] : [bytes / 1024 / 1024, "MB"];
  return `${size >= 10 ? Math.round(size) : size.toFixed(1).replace(/\.0$/, "")} ${unit}`;
}

/** @param {number} seconds */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** @param {number} ms since the epoch */
export function moment(ms) {
  return MOMENT.format(new Date(ms));
}

/** @typedef {"waiting" | "queuing" | "generating" | "success" | "fail"} State */

/** What people call the states of the wire. */
export const STATES = Object.freeze({
  waiting: "Waiting",
  queuing: "Starting",
  generating: "Generating",
  success: "Done",
  fail: "Failed",
});

/** @param {{ state: State }} props */
export function StatePill({ state }) {
  return html`<span class=${`pill ${state}`}>${STATES[state]}</span>`;
}

/**
 * Something to be read now: an error interrupts who listens to the page, a note waits its turn.
 * @param {{ kind?: "error" | "note", title?: string, children?: any }} props
 */
export function Notice({ kind = "note", title, children }) {
  return html`
    <div class=${`notice ${kind}`} role=${kind === "error" ? "alert" : "status"}>
      ${title && html`<strong>${title}</strong>`}
      <div>${children}</div>
    </div>
  `;
}

/**
 * A number to be seen at a glance; dots until it is known.
 * @param {{ label: string, value: string | null, unit?: string | null }} props
 */
export function Tile({ label, value, unit }) {
  return html`
    <div class="panel tile">
      <span class="quiet">${label}</span>
      <span><strong>${value ?? "…"}</strong> <span class="quiet">${unit}</span></span>
    </div>
  `;
}

/**
 * A button that copies a text, and says that it did.
 * @param {{ text: string, label?: string, kind?: string }} props
 */
export function CopyButton({ text, label = "Copy", kind = "quiet small" }) {
  const [said, say] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say("Copied");
    } catch {
      say("Not allowed here");
    }
    setTimeout(() => say(""), 2000);
  };
  return html`<button type="button" class=${`button ${kind}`} onClick=${copy} aria-live="polite">${said || label}</button>`;
}

/**
 * The way in: a key becomes a session of this browser.
 * @param {{ onDone?: () => void }} props
 */
export function SignInForm({ onDone }) {
  const [problem, setProblem] = useState("");
  const [isBusy, setBusy] = useState(false);
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const id = useId();
  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    setProblem("");
    try {
      await signIn({ key: input.current?.value ?? "" });
      onDone?.();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      input.current?.focus();
    }
    setBusy(false);
  };
  return html`
    <form class="sign-in" onSubmit=${submit}>
      <label for=${id}>Key</label>
      <input
        id=${id}
        ref=${input}
        type="password"
        autocomplete="current-password"
        placeholder="pp_live_…"
        spellcheck=${false}
        required
        aria-describedby=${`${id}-help`}
      />
      <p class="help" id=${`${id}-help`}>
        The first key lies in the file <code>key</code> of the server's data folder, an operator's in${" "}
        <code>admin-key</code>.
      </p>
      ${problem && html`<${Notice} kind="error">${problem}<//>`}
      <button class="button primary" disabled=${isBusy}>${isBusy ? "Signing in…" : "Sign in"}</button>
    </form>
  `;
}
