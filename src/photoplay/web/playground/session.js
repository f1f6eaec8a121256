// Who is signed in. One answer a page, shared by whatever asks for it.
import { get, onForgotten, patiently, post } from "./api.js";

/**
 * @typedef {object} Session
 * @property {string} account
 * @property {"live" | "test"} kind
 * @property {number} credits
 * @property {boolean} admin
 * @property {string} keyId
 * @property {string} keyPrefix
 * @property {string} keyName
 */

/** @type {Set<(session: Session | null) => void>} */
const listeners = new Set();

/** @type {Promise<Session | null>} */
let current = ask();
onForgotten(async () => void ((await current) && refreshSession()));

/** Return who is signed in, or null. */
export function session() {
  return current;
}

/**
 * Be told who is signed in, now and whenever that changes. Return what ends it.
 * @param {(session: Session | null) => void} listener
 */
export function watchSession(listener) {
  listeners.add(listener);
  current.then(listener);
  return () => void listeners.delete(listener);
}

/** Ask the server again: a balance has moved, or a session may be over. */
export async function refreshSession() {
  return tell(await ask());
}

/**
 * A server that is away for a moment has signed nobody out.
 * @returns {Promise<Session | null>}
 */
function ask() {
  return patiently(() => get("api/v1/session")).catch(() => null);
}

/**
 * @param {{ key: string } | { link: string }} proof
 * @returns {Promise<Session | null>}
 */
export async function signIn(proof) {
  return tell(await post("api/v1/session", proof));
}

export async function signOut() {
  await post("api/v1/session/end");
  return tell(null);
}

/** @param {Session | null} session */
function tell(session) {
  current = Promise.resolve(session);
  for (const listener of listeners) listener(session);
  return session;
}
