// The right end of every page's header: who is signed in, what is left, and the way in and out.
import { href } from "./api.js";
import { html, render, useEffect, useState } from "./html.js";
import { credits } from "./parts.js";
import { signOut, watchSession } from "./session.js";

/** @typedef {import("./session.js").Session} Session */

function Who() {
  const [who, setWho] = useState(/** @type {Session | null | undefined} */ (undefined));
  useEffect(() => watchSession(setWho), []);
  useEffect(() => {
    for (const way of document.querySelectorAll("[data-for=admin]")) {
      way.toggleAttribute("hidden", !who?.admin);
    }
  }, [who]);
  if (who === undefined) return null;
  if (who === null) return html`<a class="button small" href=${href("sign-in")}>Sign in</a>`;
  return html`
    <span class="account" title=${`Signed in with the key ${who.keyPrefix}…`}>
      <span class="account-name">${who.account}</span>
      <span class="account-credits">${credits(who.credits)}</span>
    </span>
    <button class="button quiet small" onClick=${leave}>Sign out</button>
  `;
}

async function leave() {
  await signOut();
}

const place = document.getElementById("who");
if (place) render(html`<${Who} />`, place);
