// What an engine says it understood of a prompt, in words.

/**
 * @typedef {object} Direction
 * @property {"prompt" | "scene" | "default" | "controls"} source
 * @property {{ start: number, end: number, motions: { move: string, pace: number }[] }[]} phases
 * @property {Record<string, number>} effects
 * @property {boolean} loop
 */

const SOURCES = {
  prompt: "as the prompt says",
  scene: "chosen for the scene, as the prompt names no move",
  default: "chosen freely, as the prompt names no move",
  controls: "as the form says",
};

/**
 * Return a line for each thing that was understood.
 * @param {Direction} direction
 * @param {number} seconds of the clip; 0 while they are not known
 * @returns {string[]}
 */
export function words(direction, seconds) {
  const moves = direction.phases.map((phase) => phaseWords(phase, direction.phases.length > 1 ? seconds : 0));
  const effects = Object.entries(direction.effects).map(([name, strength]) => strengthOf(strength) + plain(name));
  return [
    `${capital(moves.join(", then "))}: ${SOURCES[direction.source] ?? direction.source}`,
    ...(effects.length ? [capital(effects.join(", "))] : []),
    ...(direction.loop ? ["Ends where it begins"] : []),
  ];
}

/**
 * @param {Direction["phases"][number]} phase
 * @param {number} seconds
 */
function phaseWords(phase, seconds) {
  const moves = phase.motions.map(({ move, pace }) => paceOf(move, pace) + plain(move)).join(" and ");
  return seconds ? `${moves} (${clock(phase.start * seconds)}–${clock(phase.end * seconds)} s)` : moves;
}

/**
 * @param {string} move
 * @param {number} pace
 */
function paceOf(move, pace) {
  if (move === "static") return "";
  if (pace < 0.3) return "very slow ";
  if (pace < 0.85) return "slow ";
  return pace > 1.25 ? "fast " : "";
}

/** @param {number} strength */
function strengthOf(strength) {
  return strength < 0.85 ? "faint " : strength > 1.25 ? "heavy " : "";
}

/** @param {string} name */
function plain(name) {
  return name === "static" ? "no movement" : name.replaceAll("_", " ");
}

/** @param {number} seconds */
function clock(seconds) {
  return String(Math.round(seconds * 10) / 10);
}

/** @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
