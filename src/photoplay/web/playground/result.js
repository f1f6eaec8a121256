// What becomes of a task: its way, its clip with all that is known of it, or why there is none.
import { href, ownHref } from "./api.js";
import { words } from "./direction.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { CopyButton, Notice, StatePill, credits, duration } from "./parts.js";
import { isEnded, resultOf } from "./task.js";

/** @typedef {import("./task.js").Task} Task */

const STAGES = Object.freeze({
  waiting: "Waiting for its turn",
  fetching: "Getting the picture",
  generating: "Making the clip",
  storing: "Keeping the clip",
  stopping: "Stopping",
});
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * @typedef {object} ResultProps
 * @property {Task | null} task
 * @property {string} problem
 * @property {boolean} isBusy
 * @property {boolean} isCancelling
 * @property {boolean} isLost
 * @property {() => void} follow
 * @property {() => void} cancel
 * @property {(task: Task) => void} again
 * @property {() => void} example
 * @property {((link: string) => void) | undefined} useFrame
 */

/** @param {ResultProps} props */
export function Result(props) {
  const { task, problem, isBusy, isLost } = props;
  const clip = task && resultOf(task).resultUrls?.[0];
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    // On a phone it is below the form.
    if (props.isBusy) place.current?.scrollIntoView({ block: "nearest", behavior: STILL.matches ? "auto" : "smooth" });
  }, [props.isBusy]);
  return html`
    <section class="panel result" aria-label="Result" ref=${place}>
      <div class="screen">
        ${clip ? html`<${Clip} key=${task.taskId} task=${task} />` : html`<${Screen} task=${task} isBusy=${isBusy} example=${props.example} />`}
      </div>
      ${problem && html`<${Notice} kind="error">${problem}<//>`}
      ${isLost && html`<button type="button" class="button" onClick=${props.follow}>Follow the task again</button>`}
      ${task && html`<${Way} ...${props} task=${task} />`}
      ${task?.state === "fail" && html`<${Failure} task=${task} again=${props.again} />`}
      ${task?.state === "success" && html`<${Facts} ...${props} task=${task} />`}
    </section>
  `;
}

/** @param {{ task: Task | null, isBusy: boolean, example: () => void }} props */
function Screen({ task, isBusy, example }) {
  if (isBusy) {
    return html`<div class="reel" aria-hidden="true"><i /><i /><i /><i /><i /></div>`;
  }
  if (task) return html`<p>${isEnded(task) ? "No clip" : "No clip yet"}</p>`;
  return html`<div class="invite">
    <p class="headline">Your clip appears here</p>
    <p>Say what it should be on the left, or</p>
    <button type="button" class="button" onClick=${example}>Fill in the example</button>
  </div>`;
}

/** @param {{ task: Task }} props */
function Clip({ task }) {
  const { resultUrls = [], posterUrl } = resultOf(task);
  return html`<video
    src=${ownHref(resultUrls[0])}
    poster=${posterUrl && ownHref(posterUrl)}
    aria-label="The clip"
    controls
    loop
    muted
    playsinline
    autoplay=${!STILL.matches}
  />`;
}

/** @param {ResultProps & { task: Task }} props */
function Way({ task, isCancelling, cancel }) {
  if (isEnded(task)) {
    return html`<p class="way" role="status">
      <${StatePill} state=${task.state} />
      <span class="quiet">${endWords(task)}</span>
    </p>`;
  }
  const stage = isCancelling ? STAGES.stopping : (STAGES[/** @type {keyof STAGES} */ (task.stage)] ?? task.stage);
  return html`
    <div class="way">
      <${StatePill} state=${task.state} />
      <span role="status">${stage}${placeWords(task)}</span>
      <button type="button" class="button small" disabled=${isCancelling} onClick=${cancel}>Cancel</button>
    </div>
    <progress class="bar" value=${task.progress} max="100" aria-label="Progress">${task.progress} %</progress>
  `;
}

/** @param {Task} task */
function placeWords(task) {
  const place = task.queuePosition ? `, number ${task.queuePosition} in the queue` : "";
  const left = task.etaSeconds === null ? "" : `, about ${duration(task.etaSeconds)} left`;
  return place + left;
}

/** @param {Task} task */
function endWords(task) {
  if (task.state === "fail") return `after ${duration(((task.completeTime ?? 0) - task.createTime) / 1000)}`;
  return `in ${duration(((task.completeTime ?? 0) - task.createTime) / 1000)}, for ${credits(task.creditsConsumed)}`;
}

/** @param {{ task: Task, again: (task: Task) => void }} props */
function Failure({ task, again }) {
  return html`
    <${Notice} kind="error" title=${`This failed (${task.failCode}).`}>${task.failMsg}<//>
    <p class="quiet">It cost nothing: what was held for it is back, and the balance is ${credits(task.remainedCredits)}.</p>
    <p class="actions">
      <button type="button" class="button" onClick=${() => again(task)}>Change and run again</button>
      <a class="button quiet" href=${href(`models/${task.model}`)}>What this model takes</a>
    </p>
  `;
}

/** @param {ResultProps & { task: Task }} props */
function Facts({ task, again, useFrame }) {
  const { resultUrls = [], posterUrl, lastFrameUrl, direction } = resultOf(task);
  const clip = ownHref(resultUrls[0]);
  const seconds = useSeconds(clip);
  return html`
    <p class="actions">
      <a class="button" href=${clip} download=${`${task.taskId}.mp4`}>Download</a>
      <${CopyButton} text=${resultUrls[0]} label="Copy link" kind="" />
      <button type="button" class="button" onClick=${() => again(task)}>Change and run again</button>
    </p>
    <dl class="facts">
      ${direction &&
      html`<div class="wide">
        <dt>Understood</dt>
        ${words(direction, seconds).map((line) => html`<dd key=${line}>${line}</dd>`)}
      </div>`}
      <div><dt>Engine</dt><dd>${task.engine}</dd></div>
      <div><dt>Making took</dt><dd>${duration(task.costTime ?? 0)}</dd></div>
      <div><dt>Cost</dt><dd>${credits(task.creditsConsumed)}</dd></div>
      <div><dt>Balance</dt><dd>${credits(task.remainedCredits)}</dd></div>
    </dl>
    ${(posterUrl || lastFrameUrl) &&
    html`<div class="frames">
      <figure>
        <video src=${clip} preload="metadata" width="160" height="90" muted playsinline aria-label="First frame"></video>
        <figcaption>First frame</figcaption>
      </figure>
      ${posterUrl && html`<${Frame} link=${posterUrl} name="Middle frame" />`}
      ${lastFrameUrl && html`<${Frame} link=${lastFrameUrl} name="Last frame" useFrame=${useFrame} />`}
    </div>`}
  `;
}

/** @param {{ link: string, name: string, useFrame?: (link: string) => void }} props */
function Frame({ link, name, useFrame }) {
  return html`<figure>
    <a href=${ownHref(link)}><img src=${ownHref(link)} alt=${name} loading="lazy" width="160" height="90" /></a>
    <figcaption>
      ${name}
      ${useFrame && html`<button type="button" class="link" onClick=${() => useFrame(link)}>Go on from here</button>`}
    </figcaption>
  </figure>`;
}

/**
 * Return how long a clip is, once its head is read; 0 before.
 * @param {string} clip
 */
function useSeconds(clip) {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const video = document.createElement("video");
    video.preload = "metadata";
    video.onloadedmetadata = () => setSeconds(video.duration);
    video.src = clip;
    return () => video.removeAttribute("src");
  }, [clip]);
  return seconds;
}
