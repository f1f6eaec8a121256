// One task from its request to its end, told by the server's events.
import { RETRY_MS, follow, get, patiently, pause, post } from "./api.js";
import { asSignedIn } from "./asking.js";
import { useEffect, useRef, useState } from "./html.js";
import { refreshSession } from "./session.js";

/**
 * What the server knows of a task.
 * @typedef {object} Task
 * @property {string} taskId
 * @property {string} model
 * @property {import("./parts.js").State} state
 * @property {string} param the request, as JSON
 * @property {string} resultJson
 * @property {string | null} failCode
 * @property {string | null} failMsg
 * @property {number | null} costTime in seconds
 * @property {number} createTime
 * @property {number | null} completeTime
 * @property {number} progress
 * @property {number} creditsConsumed
 * @property {number} remainedCredits
 * @property {string} engine
 * @property {string} stage
 * @property {number | null} queuePosition
 * @property {number | null} etaSeconds
 */

/** @param {Task | null} task */
export function isEnded(task) {
  return task?.state === "success" || task?.state === "fail";
}

/**
 * What came of a task; empty before its good end.
 * @param {Task} task
 * @returns {{ resultUrls?: string[], posterUrl?: string, lastFrameUrl?: string, direction?: any }}
 */
export function resultOf(task) {
  return task.resultJson ? JSON.parse(task.resultJson) : {};
}

/**
 * Return what creates tasks. A request that was not seen to be accepted goes out again under the same key: if it was
 * accepted all the same, it is one task and one charge.
 */
function creator() {
  let sent = "";
  let key = "";
  /**
   * @param {import("./requests.js").CreateRequest} request
   * @returns {Promise<string>} the task's id
   */
  return async (request) => {
    const text = JSON.stringify(request);
    if (text !== sent) [sent, key] = [text, randomKey()];
    const { taskId } = await post("api/v1/jobs/createTask", request, { headers: { "Idempotency-Key": key } });
    sent = "";
    return taskId;
  };
}

/** Return 32 hexadecimal digits. `crypto.randomUUID` is not there on a plain http address of a local network. */
function randomKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Hold the one task that a page shows. `taskId` is there as soon as it is known, `task` once its record is read.
 * `isLost`: nobody looks at it any more, because nobody is signed in.
 */
export function useTask() {
  const [taskId, setTaskId] = useState("");
  const [task, setTask] = useState(/** @type {Task | null} */ (null));
  const [problem, setProblem] = useState("");
  const [isSending, setSending] = useState(false);
  const [isCancelling, setCancelling] = useState(false);
  const [isLost, setLost] = useState(false);
  const [create] = useState(creator);
  const followed = useRef(new AbortController());
  useEffect(() => () => followed.current.abort(), []);

  /** @param {unknown} error */
  const fail = (error) => setProblem(error instanceof Error ? error.message : String(error));

  /** @param {string} id */
  const open = async (id) => {
    followed.current.abort();
    followed.current = new AbortController();
    const { signal } = followed.current;
    const read = () => get("api/v1/jobs/recordInfo", { taskId: id }, signal);
    setTaskId(id);
    setProblem("");
    setLost(false);
    setSending(true);
    try {
      const found = await patiently(() => asSignedIn(read), fail);
      setTask(found);
      setProblem("");
      if (!isEnded(found)) watch(id, signal);
      return found;
    } catch (error) {
      if (signal.aborted) return;
      fail(error);
      setLost(true);
    } finally {
      if (!signal.aborted) setSending(false);
    }
  };

  /**
   * @param {string} id
   * @param {AbortSignal} signal
   */
  const watch = (id, signal) => {
    /** @param {Task} told */
    const end = (told) => {
      followed.current.abort();
      setTask(told);
      void refreshSession();
    };
    // The record says why there is no more to hear: it has ended, the session is over, or the server is away.
    const refused = () => void pause(RETRY_MS).then(() => signal.aborted || open(id));
    follow({ taskId: id }, { state: setTask, progress: setTask, end }, { signal, refused });
  };

  /** @param {import("./requests.js").CreateRequest} request */
  const run = async (request) => {
    followed.current.abort();
    setProblem("");
    setSending(true);
    setTask(null);
    setLost(false);
    setCancelling(false);
    try {
      await open(await asSignedIn(() => create(request)));
      void refreshSession();
    } catch (error) {
      fail(error);
      setSending(false);
    }
  };

  const cancel = async () => {
    setCancelling(true);
    try {
      await asSignedIn(() => post("api/v1/jobs/cancelTask", { taskId }));
    } catch (error) {
      setCancelling(false);
      fail(error);
    }
  };

  const isBusy = isSending || (task !== null && !isEnded(task) && !isLost);
  return { taskId, task, problem, isBusy, isCancelling, isLost, run, open, cancel };
}
