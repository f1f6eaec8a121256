// Credits by day and model as stacked bars. One drawing, no library.
import { html } from "./html.js";
import { counted, credits, number } from "./parts.js";

const DAYS = 31;
const DAY_MS = 24 * 3600 * 1000;
const [WIDTH, HEIGHT, LEFT, BOTTOM] = [900, 240, 56, 32];
const COLOURS = 6;
const DAY = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", timeZone: "UTC" });

/** @param {{ rows: any[] }} props */
export function UsagePlot({ rows }) {
  const days = lastDays();
  const models = [...new Set(rows.map((row) => row.model))];
  /** @param {string} day @param {string} model */
  const charged = (day, model) =>
    rows.reduce((sum, row) => sum + (row.day === day && row.model === model ? row.charged : 0), 0);
  const sums = days.map((day) => models.reduce((sum, model) => sum + charged(day, model), 0));
  const total = sums.reduce((sum, each) => sum + each, 0);
  const top = roundUp(Math.max(1, ...sums));
  const step = (WIDTH - LEFT) / DAYS;
  /** @param {number} value */
  const height = (value) => (value / top) * (HEIGHT - BOTTOM - 16);
  return html`
    <p class="quiet">
      ${credits(total)} charged in the last ${DAYS} days, by ${counted(rows.reduce((sum, row) => sum + row.tasks, 0), "task")}.
    </p>
    <svg class="plot" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label="Credits charged by day and model">
      ${[0, 0.5, 1].map((part) => {
        const y = HEIGHT - BOTTOM - height(top * part);
        return html`
          <line class="grid" x1=${LEFT} x2=${WIDTH} y1=${y} y2=${y} />
          <text x=${LEFT - 8} y=${y + 4} text-anchor="end">${number(top * part)}</text>
        `;
      })}
      ${days.map((day, at) => {
        let y = HEIGHT - BOTTOM;
        const x = LEFT + at * step;
        return html`
          ${models.map((model, index) => {
            const value = charged(day, model);
            const tall = height(value);
            y -= tall;
            return (
              value > 0 &&
              html`<rect class=${`bar c${index % COLOURS}`} x=${x + 3} y=${y} width=${step - 6} height=${tall} rx="2">
                <title>${`${label(day)}: ${credits(value)}, ${model}`}</title>
              </rect>`
            );
          })}
          ${at % 5 === 3 && html`<text x=${x + step / 2} y=${HEIGHT - 6} text-anchor="middle">${label(day)}</text>`}
        `;
      })}
    </svg>
    <ul class="legend plain">
      ${models.map((model, index) => html`<li><span class=${`dot c${index % COLOURS}`}></span>${model}</li>`)}
    </ul>
  `;
}

/** The last days in UTC, as the ledger counts them, today last. */
function lastDays() {
  const today = Date.now();
  return Array.from({ length: DAYS }, (_, back) =>
    new Date(today - (DAYS - 1 - back) * DAY_MS).toISOString().slice(0, 10),
  );
}

/** @param {string} day */
function label(day) {
  return DAY.format(new Date(`${day}T00:00:00Z`));
}

/** Return the next number up that is easy to halve. @param {number} value */
function roundUp(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return Math.max(2, [1, 2, 4, 6, 10].map((each) => each * unit).find((each) => each >= value) ?? value);
}
