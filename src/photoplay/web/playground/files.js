// Fields that take files: clicked, dropped or pasted, looked at before they are sent, and shown.
import { href, ownHref, upload } from "./api.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { bytes } from "./parts.js";
import { asSignedIn } from "./asking.js";

/** @typedef {import("./controls.js").ControlProps} ControlProps */
/** @typedef {import("./fields.js").Field} Field */

/** A photo that comes with the server. */
const SAMPLE = { path: new URL("../samples/coffee.jpg", import.meta.url).href, name: "coffee.jpg" };
// What a file is, is told by its first bytes; a name or a header is anybody's word.
/** @type {[string, (head: string) => boolean][]} */
const HEADS = [
  ["image/jpeg", (head) => head.startsWith("\xff\xd8\xff")],
  ["image/png", (head) => head.startsWith("\x89PNG\r\n\x1a\n")],
  ["image/webp", (head) => head.startsWith("RIFF") && head.slice(8, 12) === "WEBP"],
];

/** Send the sample photo, and return the link to it. */
export async function sendSample() {
  const kept = await upload(await sample(), SAMPLE.name, () => {});
  return /** @type {string} */ (kept.fileUrl);
}

async function sample() {
  return (await fetch(SAMPLE.path)).blob();
}

/** @param {ControlProps} props */
export function FileField({ field, value, set, id, bounds, told }) {
  return html`
    <${Drop} field=${field} value=${value} set=${set} id=${id} told=${told} isClosed=${Boolean(bounds.closed)} />
  `;
}

/** @param {ControlProps} props */
export function FileList({ field, value, set, id, bounds, told }) {
  /** @type {string[]} */
  const links = Array.isArray(value) ? value : [];
  /** @param {(string | undefined)[]} changed */
  const keep = (changed) => {
    const left = changed.filter(Boolean);
    set(left.length ? left : undefined);
  };
  // A file that was sent comes to the links that are there by then.
  const latest = useRef(links);
  latest.current = links;
  const isFull = links.length >= field.items_max;
  return html`
    ${links.map(
      (link, index) => html`<${Drop}
        key=${index}
        field=${field}
        value=${link}
        set=${(/** @type {any} */ changed) => keep(latest.current.map((each, at) => (at === index ? changed : each)))}
        id=${`${id}-${index}`}
        told=${told}
        isClosed=${Boolean(bounds.closed)}
      />`,
    )}
    ${!isFull &&
    html`<${Drop}
      key=${links.length}
      field=${field}
      value=${undefined}
      set=${(/** @type {any} */ added) => keep([...latest.current, added])}
      id=${`${id}-next`}
      told=${told}
      isClosed=${Boolean(bounds.closed)}
    />`}
  `;
}

/**
 * The place for one file.
 * @param {{ field: Field, value: string | undefined, set: (link: string | undefined) => void, id: string,
 *   told: Record<string, any>, isClosed: boolean }} props
 */
function Drop({ field, value, set, id, told, isClosed }) {
  const zone = useRef(/** @type {HTMLElement | null} */ (null));
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [problem, setProblem] = useState("");
  const [sent, setSent] = useState(/** @type {{ name: string, part: number } | null} */ (null));
  const [isOver, setOver] = useState(false);
  const isTaking = useRef(false);

  /**
   * @param {Blob} file
   * @param {string} name
   */
  const take = async (file, name) => {
    if (isTaking.current) return setProblem(`${name} was not taken: another file is on its way`);
    isTaking.current = true;
    setProblem("");
    try {
      set(await send(file, name));
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
    setSent(null);
    isTaking.current = false;
  };
  /**
   * @param {Blob} file
   * @param {string} name
   * @returns {Promise<string>} the link to it
   */
  const send = async (file, name) => {
    const wrong = await problemOf(file, name, field);
    if (wrong) throw new Error(wrong);
    const kept = await asSignedIn(() => {
      setSent({ name, part: 0 });
      return upload(file, name, (part) => setSent({ name, part }));
    });
    return kept.fileUrl;
  };
  const takeSample = async () => take(await sample(), SAMPLE.name);

  useEffect(() => {
    /** @param {ClipboardEvent} event */
    const paste = (event) => {
      const file = event.clipboardData?.files[0];
      if (!file || isClosed || zone.current !== targetOfPaste()) return;
      event.preventDefault();
      void take(file, file.name || "pasted");
    };
    document.addEventListener("paste", paste);
    return () => document.removeEventListener("paste", paste);
  });

  /** @param {DragEvent} event */
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    const file = event.dataTransfer?.files[0];
    if (file && !isClosed) void take(file, file.name);
  };
  const isPicture = field.accept.some((type) => type.startsWith("image/"));
  return html`
    <div
      class=${`drop${isOver ? " over" : ""}${value ? " filled" : ""}`}
      ref=${zone}
      onDragOver=${(/** @type {DragEvent} */ event) => (event.preventDefault(), setOver(true))}
      onDragLeave=${() => setOver(false)}
      onDrop=${drop}
    >
      <input
        ...${told}
        ref=${input}
        id=${id}
        class="unseen"
        type="file"
        accept=${field.accept.join(",")}
        aria-label=${field.label}
        disabled=${isClosed}
        onChange=${(/** @type {any} */ event) => {
          const file = event.target.files[0];
          event.target.value = "";
          if (file) void take(file, file.name);
        }}
      />
      ${sent
        ? html`<p class="sending">
            <span>Sending ${sent.name}</span>
            <progress value=${sent.part} aria-label=${`Sending ${sent.name}`} />
          </p>`
        : value
          ? html`<${Shown} link=${value} field=${field} replace=${() => input.current?.click()} remove=${() => set(undefined)} />`
          : html`<div class="invite">
              <p>
                <button type="button" class="link" disabled=${isClosed} onClick=${() => input.current?.click()}>
                  Choose a file
                </button>${" "}
                <span class="quiet">or drop or paste it here</span>
              </p>
              <p class="help">${namesOf(field.accept)}, up to ${bytes(field.bytes_max)}</p>
              ${isPicture &&
              html`<button type="button" class="button small" disabled=${isClosed} onClick=${takeSample}>
                Use the sample photo
              </button>`}
            </div>`}
    </div>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    ${!value &&
    !sent &&
    html`<details class="by-link">
      <summary>Use a link</summary>
      <input
        type="url"
        aria-label=${`${field.label}: a link`}
        placeholder="https://…"
        disabled=${isClosed}
        onChange=${(/** @type {any} */ event) => set(event.target.value.trim() || undefined)}
      />
    </details>`}
  `;
}

/**
 * A file that is there. Pictures of this server are shown; nothing is loaded from elsewhere.
 * @param {{ link: string, field: Field, replace: () => void, remove: () => void }} props
 */
function Shown({ link, field, replace, remove }) {
  const own = ownHref(String(link));
  const isOwn = own.startsWith(href("files/"));
  const [size, setSize] = useState("");
  const isPicture = isOwn && field.accept.some((type) => type.startsWith("image/"));
  return html`
    <div class="shown">
      ${isPicture
        ? html`<img
            src=${own}
            alt="What was chosen"
            onLoad=${(/** @type {any} */ event) => setSize(`${event.target.naturalWidth} × ${event.target.naturalHeight}`)}
            onError=${() => setSize("It cannot be shown; its time may be over")}
          />`
        : html`<p class="address" title=${link}>${link}</p>`}
      <div class="shown-side">
        <span class="quiet">${isPicture ? size : isOwn ? "" : "Fetched when the task runs"}</span>
        <span>
          <button type="button" class="button small" onClick=${replace}>Replace</button>
          <button type="button" class="button quiet small" onClick=${remove}>Remove</button>
        </span>
      </div>
    </div>
  `;
}

/** The place that has the focus, or else the first one on the page. */
function targetOfPaste() {
  return document.activeElement?.closest(".drop") ?? document.querySelector(".drop");
}

/**
 * Return why a file cannot be sent, or nothing.
 * @param {Blob} file
 * @param {string} name
 * @param {Field} field
 */
async function problemOf(file, name, field) {
  if (file.size > field.bytes_max) {
    return `${name} has ${bytes(file.size)}, the limit is ${bytes(field.bytes_max)}`;
  }
  const head = String.fromCharCode(...new Uint8Array(await file.slice(0, 16).arrayBuffer()));
  const type = HEADS.find(([, is]) => is(head))?.[0] ?? (file.type.startsWith("image/") ? "" : file.type);
  if (!field.accept.includes(type)) return `${name} is not ${namesOf(field.accept)}`;
  if (!type.startsWith("image/")) return "";
  try {
    (await createImageBitmap(file)).close();
    return "";
  } catch {
    return `${name} cannot be read: it is damaged, or not whole`;
  }
}

/** @param {string[]} types */
function namesOf(types) {
  const names = types.map((type) => type.slice(type.indexOf("/") + 1).toUpperCase());
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} or ${names[names.length - 1]}`;
}
