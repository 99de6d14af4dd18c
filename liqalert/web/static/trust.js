// Whether what is on the page can be believed, in one sentence. Silence of the server, of the exchange and of one
// instrument all mean the same to a reader: what you see is old.

import { time } from "./words.js";

const SILENT_AFTER_MS = 5000;
const OLD_AFTER_S = 15;
// Several times as long as it takes until each is asked for again.
const SHOWN = { grid: ["The heatmap is", 90000], clusters: ["The clusters are", 30000] };
const REMEMBERED = 300;
const APART_MS = 500;

// The server's clock beside that of this page, as it was heard: an age counts in the time that passes here, because
// the server's may pass faster, as in the demo.
export class ServerClock {
  constructor() {
    this.times = [];
  }

  heard(iso, now_ms) {
    const at = Date.parse(iso);
    const last = this.times.at(-1);
    // It was set back.
    if (last && at < last.at) this.times = [];
    else if (last && now_ms - last.heard_ms < APART_MS) return;
    this.times = [...this.times, { at, heard_ms: now_ms }].slice(-REMEMBERED);
  }

  // For how long it has been past `iso`, in milliseconds: at least, where that is longer than it is remembered.
  since(iso, now_ms) {
    const past = this.times.find(({ at }) => at > Date.parse(iso));
    return past ? now_ms - past.heard_ms : 0;
  }
}

// silent_ms: for how long the server has said nothing; refused: why it does not want to; shown: [{name, as_of, past_ms}];
// failures: of single requests
export function judge({ silent_ms, refused, state, shown, failures }) {
  const old = (problem) => ({ live: false, problem });
  if (refused) return old(`${refused} What you see is not live.`);
  if (silent_ms > SILENT_AFTER_MS) return old(`No word from liqalert${state ? ` since ${time(state.at)}` : ""}: what you see is not live.`);
  if (state && !state.alive) return old(`The feed is not alive: ${state.problem || "no fresh marks."} What you see is old.`);
  if (state && ageOf(state) > OLD_AFTER_S) return old(`There has been no mark since ${time(state.mark_at, state.at)}. What you see is old.`);
  for (const { name, as_of, past_ms } of shown) {
    const [what, limit_ms] = SHOWN[name];
    if (past_ms > limit_ms) return old(`${what} as of ${time(as_of, state ? state.at : as_of)}: what you see is not current. ${failures[name] || ""}`.trim());
  }
  const failure = Object.values(failures).find(Boolean);
  if (failure) return { live: Boolean(state), problem: `Not all of this is up to date: ${failure}` };
  return { live: Boolean(state), problem: state && state.warnings.length ? state.warnings.join(" ") : null };
}

// In seconds of the server's clock: of the instrument's own mark where it has one. Null when nothing has come yet.
export function ageOf(state) {
  if (state.mark_at === null) return state.mark_age_s;
  return Math.max(0, (Date.parse(state.at) - Date.parse(state.mark_at)) / 1000);
}
