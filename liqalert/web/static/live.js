// Server-Sent Events by fetch: so that a lost connection is resumed from the last event, with growing pauses, and
// that one which is open but silent counts as lost.

import { Refused } from "./ask.js";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10000;
// The server speaks every second.
const SILENCE_MS = 8000;

export class Live {
  // on: {event: function(data)}; found: function(page), told at each connection which page the server has;
  // lost: function(why), where `why` is null unless the server gave a reason
  constructor(on, { found, lost }) {
    this.on = on;
    this.found = found;
    this.lost = lost;
    this.pause = FIRST_PAUSE_MS;
    this.lastId = null;
    this.symbol = null;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.stop() : this.symbol && this.follow(this.symbol)));
  }

  follow(symbol) {
    this.stop();
    if (symbol !== this.symbol) this.lastId = null;
    this.symbol = symbol;
    this.pause = FIRST_PAUSE_MS;
    // A tab that nobody sees costs nothing.
    if (!document.hidden) this.connect();
  }

  stop() {
    clearTimeout(this.timer);
    clearTimeout(this.silence);
    const abort = this.abort;
    this.abort = null;
    if (abort) abort.abort();
  }

  async connect() {
    const abort = new AbortController();
    this.abort = abort;
    let why = null;
    try {
      this.listen(abort);
      const headers = this.lastId ? { "Last-Event-ID": this.lastId } : {};
      const answer = await fetch(`/api/v1/events?symbol=${encodeURIComponent(this.symbol)}`, { headers, signal: abort.signal });
      if (answer.ok) {
        this.found(answer.headers.get("X-Liqalert-Page"));
        await this.read(answer.body.pipeThrough(new TextDecoderStream()).getReader(), abort);
      } else why = new Refused(answer.status, { error: (await answer.json()).error }).message;
    } catch {
      // A connection that breaks is lost like one that ends.
    }
    // Stopped on purpose, or another one has taken over.
    if (this.abort !== abort) return;
    this.stop();
    this.lost(why);
    this.timer = setTimeout(() => this.connect(), this.pause * (0.75 + Math.random() / 2));
    this.pause = Math.min(LONGEST_PAUSE_MS, this.pause * 2);
  }

  listen(abort) {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => abort.abort(), SILENCE_MS);
  }

  async read(reader, abort) {
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done || this.abort !== abort) return;
      this.listen(abort);
      this.pause = FIRST_PAUSE_MS;
      const messages = (rest + value).split("\n\n");
      rest = messages.pop();
      messages.forEach((message) => this.tell(message));
    }
  }

  tell(message) {
    const fields = Object.fromEntries(message.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
    if (fields.id) this.lastId = fields.id;
    const handler = this.on[fields.event];
    if (handler) handler(JSON.parse(fields.data));
  }
}
