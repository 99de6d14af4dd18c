// Questions to liqalert, whose refusals say what would have been right.

// On a slow line a large answer takes longer, but parts of it keep coming.
const SILENCE_MS = 20000;
const SILENT = `No answer for ${SILENCE_MS / 1000} s: the connection is bad, or too many windows of this page are open.`;

// A person at a browser has no header to set.
const LOCKED = "liqalert wants the token from this browser again: open the link with ?token= once more.";

export class Refused extends Error {
  constructor(status, { error, allowed }) {
    const possible = allowed && allowed.length ? ` Possible: ${allowed.slice(0, 5).join(", ")}` : "";
    super(status === 401 ? LOCKED : error + possible);
    this.status = status;
  }
}

// abort: ends it before; it ends by itself when nothing of it comes any more.
async function get(path, abort) {
  let [timer, silent] = [null, false];
  const listen = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      silent = true;
      abort.abort();
    }, SILENCE_MS);
  };
  try {
    listen();
    return await answerTo(path, abort.signal, listen);
  } catch (error) {
    throw silent ? new Error(SILENT) : error;
  } finally {
    clearTimeout(timer);
  }
}

// heard: called whenever a part of the answer has come
async function answerTo(path, signal, heard) {
  const answer = await fetch(path, { signal });
  const transform = (part, onward) => {
    heard();
    onward.enqueue(part);
  };
  const body = new Response(answer.body.pipeThrough(new TransformStream({ transform }))).json();
  if (answer.ok) return body;
  throw new Refused(answer.status, await body.catch(() => ({ error: `HTTP ${answer.status}`, allowed: [] })));
}

// What is asked again and again: one at a time, and where another is put meanwhile, only its answer counts.
export class Question {
  constructor() {
    [this.asked_ms, this.failure, this.abort] = [0, null, null];
  }

  get underWay() {
    return this.abort !== null;
  }

  // Whether it is to be put again, when that is done every so many milliseconds.
  due(every_ms) {
    return !this.underWay && performance.now() - this.asked_ms > every_ms;
  }

  end() {
    if (this.abort) this.abort.abort();
    this.abort = null;
  }

  // Gives the answer, or null when the question was ended meanwhile.
  async put(path) {
    this.end();
    const abort = new AbortController();
    [this.abort, this.asked_ms] = [abort, performance.now()];
    try {
      const answer = await get(path, abort);
      if (this.abort !== abort) return null;
      this.failure = null;
      return answer;
    } catch (error) {
      if (this.abort !== abort) return null;
      this.failure = error.message;
      throw error;
    } finally {
      if (this.abort === abort) this.abort = null;
    }
  }
}
