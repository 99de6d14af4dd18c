// Questions to liqalert, whose refusals say what would have been right.

export class Refused extends Error {
  constructor(status, { error, allowed }) {
    super(allowed && allowed.length ? `${error} Possible: ${allowed.slice(0, 5).join(", ")}` : error);
    this.status = status;
  }
}

export async function get(path, signal) {
  const answer = await fetch(path, { signal });
  if (answer.ok) return answer.json();
  throw new Refused(answer.status, await answer.json().catch(() => ({ error: `HTTP ${answer.status}`, allowed: [] })));
}
