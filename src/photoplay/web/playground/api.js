// The way to the server: its paths, what it is sent, and its errors in words.

/** Where the server's pages begin. This file lies in assets/<digest>/playground/. */
const ROOT = new URL("../../../", import.meta.url);

/** What links of this server begin with when it hands them out, whatever name this page was reached by. */
const HANDED_OUT = `${document.body.dataset.baseUrl}/`;

// Long enough for a server that starts again to have got on with it.
export const RETRY_MS = 2000;

/** @type {() => void} */
let forgotten = () => {};

/** An answer that is not the good one. Its message is the server's, in words. */
export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {number} code the wire's code; 0 where there was no answer at all
   * @param {number} [retryAfterS]
   */
  constructor(message, code, retryAfterS = 0) {
    super(message);
    this.code = code;
    this.retryAfterS = retryAfterS;
  }
}

/**
 * Return whether the same request may go well a little later: no answer, too many requests, or a server in trouble.
 * @param {unknown} error
 * @returns {error is ApiError}
 */
export function isPassing(error) {
  return error instanceof ApiError && (error.code === 0 || error.code === 429 || error.code >= 500);
}

/**
 * Do something until it goes well or is refused for good, with a pause after whatever passes.
 * @template T
 * @param {() => Promise<T>} what
 * @param {(error: ApiError) => void} [tell] is called before each pause
 * @returns {Promise<T>}
 */
export async function patiently(what, tell = () => {}) {
  for (;;) {
    try {
      return await what();
    } catch (error) {
      if (!isPassing(error)) throw error;
      tell(error);
      await pause(Math.max(RETRY_MS, error.retryAfterS * 1000));
    }
  }
}

/** @param {number} ms */
export function pause(ms) {
  return new Promise((go) => setTimeout(go, ms));
}

/**
 * Be told whenever the server does not know who asks.
 * @param {() => void} listener
 */
export function onForgotten(listener) {
  forgotten = listener;
}

/**
 * Return the address of a path of this server, such as "api/v1/models".
 * @param {string} path
 * @param {Record<string, string | number | undefined>} [query]
 */
export function href(path, query = {}) {
  const url = new URL(path, ROOT);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") url.searchParams.set(name, String(value));
  }
  return url.href;
}

/**
 * Return a link to a file of this server as this page reaches it; any other link as it is.
 * @param {string} link
 */
export function ownHref(link) {
  return link.startsWith(HANDED_OUT) ? href(link.slice(HANDED_OUT.length)) : link;
}

/**
 * @param {string} path
 * @param {Record<string, string | number | undefined>} [query]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>} the answer's data
 */
export function get(path, query, signal) {
  return call(href(path, query), { signal });
}

/**
 * Send JSON.
 * @param {string} path
 * @param {unknown} [body]
 * @param {{ headers?: Record<string, string>, signal?: AbortSignal }} [options]
 * @returns {Promise<any>} the answer's data
 */
export function post(path, body = {}, { headers = {}, signal } = {}) {
  return call(href(path), {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Photoplay-Page": "1", ...headers },
    body: JSON.stringify(body),
    signal,
  });
}

/**
 * Send a file, and tell how much of it is sent, from 0 to 1.
 * @param {Blob} file
 * @param {string} name
 * @param {(part: number) => void} tell
 * @returns {Promise<any>} the answer's data
 */
export function upload(file, name, tell) {
  const form = new FormData();
  form.append("file", file, name);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", href("api/file-stream-upload"));
    request.setRequestHeader("X-Photoplay-Page", "1");
    request.upload.onprogress = (event) => tell(event.total ? event.loaded / event.total : 0);
    request.onerror = () => reject(unreachable());
    request.onload = () => {
      const answer = parse(request.responseText);
      if (answer?.code === 200) resolve(answer.data);
      else reject(failure(answer, request.status));
    };
    request.send(form);
  });
}

/**
 * Follow server-sent events until told to stop. A lost connection is taken up again by itself.
 * @param {Record<string, string>} query
 * @param {Record<string, (data: any) => void>} listeners by the event's name
 * @param {{ signal: AbortSignal, refused: () => void }} options `refused` is called when the server tells no more
 */
export function follow(query, listeners, { signal, refused }) {
  const source = new EventSource(href("api/v1/jobs/events", query));
  for (const [name, listener] of Object.entries(listeners)) {
    source.addEventListener(name, (event) => listener(JSON.parse(event.data)));
  }
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) refused();
  });
  signal.addEventListener("abort", () => source.close());
}

/**
 * @param {string} address
 * @param {RequestInit} options
 */
async function call(address, options) {
  let answer;
  try {
    answer = await fetch(address, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw unreachable();
  }
  const envelope = parse(await answer.text());
  if (envelope?.code !== 200) throw failure(envelope, answer.status, Number(answer.headers.get("Retry-After")));
  return envelope.data;
}

/** @param {string} text */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * Return what an answer is that is not the good one, after telling who listens if nobody is signed in any more.
 * @param {any} envelope
 * @param {number} status
 * @param {number} [retryAfterS]
 */
function failure(envelope, status, retryAfterS = 0) {
  const message = envelope?.message ?? `The server answered ${status} without a word`;
  const error = new ApiError(message, envelope?.code ?? status, retryAfterS || 0);
  if (error.code === 401) forgotten();
  return error;
}

function unreachable() {
  return new ApiError("The server cannot be reached. Is it running?", 0);
}
