// Whether what is on the page can be believed, in one sentence. Silence of the server, of the exchange and of one
// instrument all mean the same to a reader: what you see is old.

import { time } from "./words.js";

const SILENT_AFTER_MS = 5000;
const OLD_AFTER_S = 15;

// silent_ms: for how long the server has said nothing; refused: why it does not want to; failures: of single requests
export function judge({ silent_ms, refused, state, failures }) {
  const old = (problem) => ({ live: false, problem });
  if (refused) return old(`${refused} What you see is not live.`);
  if (silent_ms > SILENT_AFTER_MS) return old(`No word from liqalert${state ? ` since ${time(state.at)}` : ""}: what you see is not live.`);
  if (state && !state.alive) return old(`The feed is not alive: ${state.problem || "no fresh marks."} What you see is old.`);
  if (state && ageOf(state) > OLD_AFTER_S) return old(`There has been no mark since ${time(state.mark_at)}. What you see is old.`);
  const failure = Object.values(failures).find(Boolean);
  if (failure) return { live: Boolean(state), problem: `Not all of this is up to date: ${failure}` };
  return { live: Boolean(state), problem: state && state.warnings.length ? state.warnings.join(" ") : null };
}

// In seconds of the server's clock: of the instrument's own mark where it has one. Null when nothing has come yet.
export function ageOf(state) {
  if (state.mark_at === null) return state.mark_age_s;
  return Math.max(0, (Date.parse(state.at) - Date.parse(state.mark_at)) / 1000);
}
