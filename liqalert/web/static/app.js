// The page: what is fetched when, and what is shown of it.

import { Question } from "./ask.js";
import { Chart } from "./chart.js";
import { choose, chooseFromAddress, chosen, strengthFrom } from "./choice.js";
import { paintLegend } from "./colours.js";
import { Live } from "./live.js";
import { nearestFirst, showAlerts, showClusters, showGaps, showLiquidations } from "./tables.js";
import { ServerClock, ageOf, judge } from "./trust.js";
import { keepUp } from "./upgrade.js";
import { age, cellInWords, minute, price, time, usd } from "./words.js";

const GRID_EVERY_MS = 30000;
const CLUSTERS_EVERY_MS = 5000;
const ALERTS_EVERY_MS = 15000;
// A grid is computed at most this often, so asking sooner gives the same one.
const SOON_MS = 2000;
const SLEPT_MS = 5000;
const SHOWN_LIQUIDATIONS = 12;
const SHOWN_CLUSTERS = 40;
const INVITATION = "Point at a cell for its numbers, or use the arrow keys.";

const $ = (id) => document.getElementById(id);
const questions = { grid: new Question(), clusters: new Question(), alerts: new Question() };
const symbols = new Question();
const serverClock = new ServerClock();
const loading = { fresh: false, soon: null };
let [heardAt, refused, state, clusters, newest] = [performance.now(), null, null, null, []];
// Whether the connection has been lost since everything was asked for.
let lost = false;
// What is wrong with this very page; null while nothing is.
let outdated = null;
// While a machine sleeps, the clock on its wall goes on, and on many performance.now() does not.
let apart_ms = Date.now() - performance.now();

const chart = new Chart($("chart"));
const live = new Live(
  {
    state: (data) => {
      [heardAt, refused, state] = [performance.now(), null, data];
      serverClock.heard(data.at, heardAt);
      if (lost) loadAll();
      if (data.mark !== null && !chart.mark(data.mark, Date.parse(data.mark_at) / 1000)) loadGridSoon();
      showRows();
      refresh();
    },
    liquidation: (data) => {
      newest = [data, ...newest].slice(0, SHOWN_LIQUIDATIONS);
      showLiquidations($("liquidations"), newest);
      const at = Date.parse(data.received_at) / 1000;
      if (!chart.heatmap.add({ liquidated: data.liquidated, price: data.price, usd: data.notional_usd, at })) loadGridSoon();
      legend();
      describe(chart.cell());
    },
    // More was missed than the server remembers: all is asked for again.
    reset: () => {
      newest = [];
      loadAll();
    },
  },
  {
    found: (page) => (outdated = keepUp(page)),
    lost: (why) => {
      [refused, lost] = [why, true];
      showState();
    },
  },
);

// fresh: of another instrument or range. One that is under way is enough, unless it is of something else.
async function loadGrid(fresh) {
  if (questions.grid.underWay && !fresh) return;
  loading.fresh = loading.fresh || fresh;
  try {
    const grid = await questions.grid.put(`/api/v1/heatmap/${encodeURIComponent(chosen.symbol)}?range=${chosen.range}`);
    if (grid) showGrid(grid);
  } catch (error) {
    withoutGrid(error);
  }
}

function showGrid(grid) {
  // However it was spelled.
  if (grid.symbol !== chosen.symbol) choose({ symbol: grid.symbol });
  if (!chart.show(grid, loading.fresh)) loadGridSoon();
  if (state && state.mark !== null) chart.showNewest(state.mark);
  if (loading.fresh) say(INVITATION);
  else describe(chart.cell());
  loading.fresh = false;
  showGaps($("gaps"), grid);
  showTable();
  legend();
}

function withoutGrid(error) {
  say(error.message);
  // An instrument that is not known here does not come by asking: when it comes, the events begin.
  if (error.status !== 404) loadGridSoon();
}

function loadGridSoon() {
  if (loading.soon !== null) return;
  loading.soon = setTimeout(() => {
    loading.soon = null;
    if (!document.hidden) loadGrid(false);
  }, SOON_MS);
}

async function loadClusters() {
  // Why there is none, the question itself remembers.
  const found = await questions.clusters.put(`/api/v1/clusters/${encodeURIComponent(chosen.symbol)}`).catch(() => null);
  if (!found) return;
  clusters = found;
  showTable();
}

async function loadAlerts() {
  const found = await questions.alerts.put(`/api/v1/alerts?limit=100&symbol=${encodeURIComponent(chosen.symbol)}`).catch(() => null);
  if (!found) return;
  showAlerts($("alerts"), found.alerts.slice(0, 10));
  chart.heatmap.showPins(found.alerts);
}

async function loadSymbols() {
  const found = await symbols.put("/api/v1/clusters").catch(() => null);
  if (found) $("symbols").replaceChildren(...Object.keys(found.marks).sort().map((symbol) => new Option(symbol, symbol)));
}

function loadAll(fresh = false) {
  lost = false;
  for (const question of Object.values(questions)) {
    // One that is under way may be so on a connection that is dead.
    question.end();
    // What failed before is asked for again, and says so itself if it fails again.
    question.failure = null;
  }
  showLiquidations($("liquidations"), newest);
  loadGrid(fresh);
  loadClusters();
  loadAlerts();
}

function refresh() {
  if (questions.grid.due(GRID_EVERY_MS)) loadGrid(false);
  if (questions.clusters.due(CLUSTERS_EVERY_MS)) loadClusters();
  if (questions.alerts.due(ALERTS_EVERY_MS)) loadAlerts();
  if (!$("symbols").options.length && !symbols.underWay) loadSymbols();
  showState();
}

function showTable() {
  if (!clusters) return;
  chart.heatmap.showEdge(clusters.clusters.filter(wanted), clusters.zones.filter(wanted));
  showRows();
}

function wanted(each) {
  return (chosen.side === "both" || each.liquidated === chosen.side) && each.strength >= chosen.strength;
}

// Each second: the clusters are those of the newest tick, and how far away they are is told from the mark above.
function showRows() {
  if (!clusters) return;
  const [now, mark] = state ? [state.at, state.mark] : [clusters.as_of, null];
  const found = nearestFirst(clusters.clusters.filter(wanted), mark);
  showClusters($("clusters"), found.slice(0, SHOWN_CLUSTERS), now, mark);
  const rest = found.length > SHOWN_CLUSTERS ? `; ${found.length - SHOWN_CLUSTERS} more` : "";
  const sure = [...found, ...clusters.zones.filter(wanted)].every((each) => each.calibrated);
  const doubt = sure ? "" : "; ? behind a strength: the open interest is not known";
  $("asof").textContent = `as of ${time(clusters.as_of, now)}${watching(now)}${rest}${doubt}`;
}

// Since when, until that is a whole decay time ago: so long, clusters look weaker than they are.
function watching(now) {
  const since = clusters.watching_since;
  const whole = since && chart.grid && Date.parse(now) - Date.parse(since) >= chart.grid.decay_minutes * 60000;
  return !since || whole ? "" : `, watching since ${minute(since, now)}`;
}

// What is shown, as of when, and for how long that has been past.
function shownAt(now) {
  const shown = Object.entries({ grid: chart.grid, clusters }).filter(([, answer]) => answer);
  return shown.map(([name, { as_of }]) => ({ name, as_of, past_ms: serverClock.since(as_of, now) }));
}

function showState() {
  const now = performance.now();
  const failures = Object.fromEntries(Object.entries(questions).map(([name, { failure }]) => [name, failure]));
  const { live: believed, problem } = judge({ silent_ms: now - heardAt, refused, state, shown: shownAt(now), failures: { ...failures, outdated } });
  $("stale").hidden = problem === null;
  // Only when it changes, or a screen reader would say it every second.
  if ($("stale").textContent !== (problem || "")) $("stale").textContent = problem || "";
  document.body.classList.toggle("stale", !believed && problem !== null);
  if (!state) {
    $("state").textContent = problem === null ? "connecting" : "not connected";
    return;
  }
  const mark = state.mark === null ? "no mark" : `mark ${price(state.mark)}`;
  const known_s = ageOf(state);
  const silent_s = (now - heardAt) / 1000;
  $("state").textContent = `${believed ? "live" : "not current"}, ${mark}, data ${known_s === null ? "never" : `${age(known_s + Math.floor(silent_s))} old`}`;
}

// After a sleep all is as old as that was long, and a connection from before it may be dead without a word.
function noticeSleep() {
  const slept_ms = Date.now() - performance.now() - apart_ms;
  apart_ms += slept_ms;
  if (slept_ms < SLEPT_MS) return;
  heardAt -= slept_ms;
  lost = true;
  live.follow(chosen.symbol);
}

function legend() {
  const { grid, largest, steps, table } = chart.heatmap;
  if (!grid) return;
  paintLegend($("scale"), table);
  $("low").textContent = largest ? `from ${usd(steps.floor)}` : "nothing stands";
  $("high").textContent = largest ? `${usd(largest)} standing` : "";
}

function say(text) {
  if ($("hover").textContent !== text) $("hover").textContent = text;
}

function describe(cell) {
  if (cell) say(cellInWords(chart.grid, cell));
}

function follow(symbol) {
  choose({ symbol });
  [state, clusters, newest] = [null, null, []];
  chart.clear();
  showClusters($("clusters"), []);
  $("alerts").replaceChildren();
  $("asof").textContent = "";
  for (const id of ["low", "high"]) $(id).textContent = "";
  heardAt = performance.now();
  loadAll(true);
  live.follow(symbol);
}

$("choice").addEventListener("submit", (event) => event.preventDefault());
$("symbol").addEventListener("change", () => follow($("symbol").value.trim().toUpperCase() || chosen.symbol));
// By a link or a bookmark in this very tab; what the page itself writes there changes nothing.
window.addEventListener("hashchange", () => {
  const { symbol, range } = chosen;
  chooseFromAddress();
  chart.chooseSide(chosen.side);
  if (chosen.symbol !== symbol) follow(chosen.symbol);
  else if (chosen.range !== range) loadGrid(true);
  legend();
  showTable();
});
$("range").addEventListener("change", () => {
  choose({ range: $("range").value });
  loadGrid(true);
});
$("side").addEventListener("change", () => {
  choose({ side: $("side").value });
  chart.chooseSide(chosen.side);
  legend();
  showTable();
});
$("strength").addEventListener("change", () => {
  choose({ strength: strengthFrom($("strength").value, chosen.strength) });
  showTable();
});
chart.whenPointedAt(describe);
chooseFromAddress();
chart.chooseSide(chosen.side);
loadAll(true);
live.follow(chosen.symbol);
setInterval(() => {
  noticeSleep();
  if (!document.hidden) showState();
}, 1000);
