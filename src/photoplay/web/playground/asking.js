// Asks a person to sign in where a page needs that, without leaving the page.
import { ApiError } from "./api.js";
import { html, render } from "./html.js";
import { SignInForm } from "./parts.js";
import { refreshSession, session } from "./session.js";

/**
 * Do what only somebody who is signed in can: asked before where nobody is, and again where the session is over.
 * @template T
 * @param {() => Promise<T>} what
 * @returns {Promise<T>}
 */
export async function asSignedIn(what) {
  if (!(await session())) await ask();
  try {
    return await what();
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 401)) throw error;
  }
  if (!(await refreshSession())) await ask();
  return what();
}

/** Ask for a key. Rejects if none is given. */
function ask() {
  const dialog = document.createElement("dialog");
  dialog.className = "panel dialog";
  dialog.setAttribute("aria-label", "Sign in");
  document.body.append(dialog);
  const signedIn = new Promise((resolve, reject) => {
    dialog.addEventListener("close", () => {
      if (dialog.returnValue === "in") resolve(null);
      else reject(new ApiError("Sign in to go on", 401));
      render(null, dialog);
      dialog.remove();
    });
  });
  render(
    html`
      <div class="dialog-head">
        <h2>Sign in to go on</h2>
        <button type="button" class="button quiet small" onClick=${() => dialog.close()}>Cancel</button>
      </div>
      <${SignInForm} onDone=${() => dialog.close("in")} />
    `,
    dialog,
  );
  dialog.showModal();
  return signedIn;
}
