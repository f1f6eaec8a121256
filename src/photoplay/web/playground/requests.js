// A create request as it is sent from elsewhere: cURL, JavaScript and Python that run as they are pasted.
// The pages of the models say the same, from web/samples.py.
import { href } from "./api.js";

/** Not one that begins with PHOTOPLAY_: those are settings of a server. */
const KEY_VARIABLE = "API_KEY";

/** @typedef {{ model: string, input: Record<string, any>, [key: string]: any }} CreateRequest */

/**
 * Every language, by the name that people know it by.
 * @type {Record<string, (request: CreateRequest) => string>}
 */
export const LANGUAGES = { cURL: curl, JavaScript: javascript, Python: python };

function address() {
  return href("api/v1/jobs/createTask");
}

/** @param {CreateRequest} request */
function curl(request) {
  // No line of a JSON text is the bare word that ends it.
  return `curl -sS ${shellQuoted(address())} \\
  -H "Authorization: Bearer $${KEY_VARIABLE}" \\
  -H 'Content-Type: application/json' \\
  --data-binary @- <<'JSON'
${indented(request)}
JSON`;
}

/** @param {CreateRequest} request */
function javascript(request) {
  return `const task = ${indented(request)};
const answer = await fetch(${JSON.stringify(address())}, {
  method: "POST",
  headers: {
    "Authorization": \`Bearer \${process.env.${KEY_VARIABLE}}\`,
    "Content-Type": "application/json",
  },
  body: JSON.stringify(task),
});
console.log(await answer.text());`;
}

/** @param {CreateRequest} request */
function python(request) {
  return `import json
import os
import urllib.error
import urllib.request

task = ${pythonic(request, "")}
request = urllib.request.Request(
    ${JSON.stringify(address())},
    data=json.dumps(task).encode(),
    headers={
        "Authorization": f"Bearer {os.environ['${KEY_VARIABLE}']}",
        "Content-Type": "application/json",
    },
)
try:
    answer = urllib.request.urlopen(request)
except urllib.error.HTTPError as error:
    answer = error  # refused: it says why
print(answer.read().decode())`;
}

/** @param {unknown} value */
export function indented(value) {
  return JSON.stringify(value, null, 2);
}

/** @param {string} text */
function shellQuoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}

/**
 * @param {any} value
 * @param {string} indent
 * @returns {string}
 */
function pythonic(value, indent) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const items = Array.isArray(value)
    ? value.map((item) => pythonic(item, `${indent}    `))
    : Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${pythonic(item, `${indent}    `)}`);
  return items.length ? `${open}\n${items.map((item) => `${indent}    ${item},\n`).join("")}${indent}${close}` : open + close;
}
