// The page of the way in: by a key, or by the link that the server's terminal showed.
import { href } from "./api.js";
import { html, render, useEffect, useState } from "./html.js";
import { Notice, SignInForm } from "./parts.js";
import { signIn } from "./session.js";

function SignIn() {
  const [problem, setProblem] = useState("");
  const [link] = useState(takeLink);
  useEffect(() => {
    if (link) signIn({ link }).then(enter, (error) => setProblem(error.message));
  }, [link]);
  if (link && !problem) return html`<p class="quiet centred" role="status">Signing in…</p>`;
  return html`
    <section class="panel narrow">
      <h1>Sign in</h1>
      ${problem && html`<${Notice} kind="error">${problem}<//>`}
      <${SignInForm} onDone=${enter} />
    </section>
  `;
}

/** Return what stands behind the # and leave no trace of it in the address and the history. */
function takeLink() {
  const token = location.hash.slice(1);
  if (token) history.replaceState(null, "", location.pathname);
  return token;
}

function enter() {
  location.replace(href(""));
}

const place = document.getElementById("app");
if (place) render(html`<${SignIn} />`, place);
