// Server-Sent Events by fetch: so that a lost connection is resumed from the last event, with growing pauses.

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30000;

export class Live {
  // on: {event: function(data)}; lost: function()
  constructor(on, lost) {
    this.on = on;
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
    // A tab that nobody sees costs nothing.
    if (!document.hidden) this.connect();
  }

  stop() {
    clearTimeout(this.timer);
    if (this.abort) this.abort.abort();
    this.abort = null;
  }

  async connect() {
    const abort = new AbortController();
    this.abort = abort;
    try {
      const headers = this.lastId ? { "Last-Event-ID": this.lastId } : {};
      const answer = await fetch(`/api/v1/events?symbol=${encodeURIComponent(this.symbol)}`, { headers, signal: abort.signal });
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      await this.read(answer.body.pipeThrough(new TextDecoderStream()).getReader());
    } catch (error) {
      if (abort.signal.aborted) return;
    }
    this.lost();
    this.timer = setTimeout(() => this.connect(), this.pause * (0.75 + Math.random() / 2));
    this.pause = Math.min(LONGEST_PAUSE_MS, this.pause * 2);
  }

  async read(reader) {
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
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
