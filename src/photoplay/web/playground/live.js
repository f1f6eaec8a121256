// What the pages about what is under way share: they are for who is signed in, and they stay up to date.
import { RETRY_MS, isPassing } from "./api.js";
import { html, render, useEffect, useRef, useState } from "./html.js";
import { SignInForm } from "./parts.js";
import { watchSession } from "./session.js";

/** @typedef {import("./session.js").Session} Session */

/**
 * Show a page to who is signed in, and the way in to everybody else.
 * @param {string} title
 * @param {(props: { who: Session }) => any} Page
 */
export function show(title, Page) {
  const place = document.getElementById("app");
  if (place) render(html`<${Gate} title=${title} Page=${Page} />`, place);
}

/** @param {{ title: string, Page: (props: { who: Session }) => any }} props */
function Gate({ title, Page }) {
  const [who, setWho] = useState(/** @type {Session | null | undefined} */ (undefined));
  useEffect(() => watchSession(setWho), []);
  if (who === undefined) return html`<h1>${title}</h1><p class="quiet" role="status">Loading…</p>`;
  if (who !== null) return html`<${Page} who=${who} />`;
  return html`
    <section class="panel narrow">
      <h1>${title}</h1>
      <p class="quiet">Sign in to see it.</p>
      <${SignInForm} />
    </section>
  `;
}

/**
 * Load something, and again while it may change, or as long as it fails for a while. A hidden page does not ask.
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} load
 * @param {{ key?: string, everyMs: (data: T) => number }} options `key`: what it depends on; 0 ms: never again
 * @returns {{ data: T | null, problem: string, reload: () => void }} both for this very key: `data` is null until it is
 *   loaded, `problem` is "" while all is well
 */
export function useLive(load, { key = "", everyMs }) {
  /** @type {{ key: string, data: T | null, problem: string }} */
  const nothing = { key, data: null, problem: "" };
  const [kept, setKept] = useState(nothing);
  const { data, problem } = kept.key === key ? kept : nothing;
  const [round, setRound] = useState(0);
  const given = useRef({ load, everyMs });
  given.current = { load, everyMs };
  useEffect(() => {
    const aborter = new AbortController();
    let timer = 0;
    /** @param {number} ms */
    const again = (ms) => {
      timer = ms ? window.setTimeout(() => (document.hidden ? again(ms) : void read()), ms) : 0;
    };
    const read = async () => {
      try {
        const found = await given.current.load(aborter.signal);
        if (aborter.signal.aborted) return;
        setKept({ key, data: found, problem: "" });
        again(given.current.everyMs(found));
      } catch (error) {
        if (aborter.signal.aborted) return;
        const isBusy = isPassing(error) && error.code === 429;
        const said = error instanceof Error ? error.message : String(error);
        if (!isBusy) setKept((last) => ({ ...(last.key === key ? last : nothing), problem: said }));
        if (isPassing(error)) again(RETRY_MS);
      }
    };
    void read();
    return () => {
      aborter.abort();
      clearTimeout(timer);
    };
  }, [key, round]);
  return { data, problem, reload: () => setRound((last) => last + 1) };
}

/**
 * Do something that may be refused, one at a time.
 * @returns {{ isBusy: boolean, problem: string, act: (what: () => Promise<void>) => Promise<void> }}
 */
export function useAction() {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  /** @param {() => Promise<void>} what */
  const act = async (what) => {
    setBusy(true);
    setProblem("");
    try {
      await what();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
    setBusy(false);
  };
  return { isBusy, problem, act };
}
