// The page: what is chosen, what is fetched when, and whether it can be believed.

import { Chart } from "./chart.js";
import { paintLegend } from "./colours.js";
import { Live } from "./live.js";
import { showAlerts, showClusters, showLiquidations } from "./tables.js";
import { age, clock, price, usd } from "./words.js";

const GRID_EVERY_MS = 30000;
const CLUSTERS_EVERY_MS = 5000;
const ALERTS_EVERY_MS = 15000;
const SILENT_AFTER_MS = 5000;
const SHOWN_LIQUIDATIONS = 12;

const $ = (id) => document.getElementById(id);
const chosen = { symbol: "BTCUSDT", range: "24h", side: "both", strength: 0.2 };
const fetched = { grid: 0, clusters: 0, alerts: 0 };
let [heardAt, state, clusters, alerts, newest, loading] = [Date.now(), null, null, [], [], null];

const chart = new Chart($("chart"));
const live = new Live(
  {
    state: (data) => {
      heardAt = Date.now();
      state = data;
      if (data.mark !== null) chart.mark(data.mark);
      refresh();
    },
    liquidation: (data) => {
      newest = [data, ...newest].slice(0, SHOWN_LIQUIDATIONS);
      showLiquidations($("liquidations"), newest);
      if (!chart.heatmap.add(data.liquidated, data.price, data.notional_usd)) loadGrid(false);
      legend();
    },
    reset: () => loadAll(),
  },
  () => showState(),
);

async function get(path, signal) {
  const answer = await fetch(path, { signal });
  if (answer.ok) return answer.json();
  const body = await answer.json().catch(() => ({ error: `HTTP ${answer.status}`, allowed: [] }));
  throw new Error(body.allowed && body.allowed.length ? `${body.error} Possible: ${body.allowed.slice(0, 5).join(", ")}` : body.error);
}

async function loadGrid(fresh) {
  fetched.grid = Date.now();
  if (loading) loading.abort();
  loading = new AbortController();
  try {
    const grid = await get(`/api/v1/heatmap/${encodeURIComponent(chosen.symbol)}?range=${chosen.range}`, loading.signal);
    chart.show(grid, chosen.side, fresh);
    chart.showAlerts(alerts.filter((alert) => alert.symbol === chosen.symbol));
    legend();
    say("Point at a cell for its numbers.");
  } catch (error) {
    if (error.name !== "AbortError") say(error.message);
  }
}

async function loadClusters() {
  fetched.clusters = Date.now();
  try {
    clusters = await get(`/api/v1/clusters/${encodeURIComponent(chosen.symbol)}`);
    showTable();
  } catch (error) {
    say(error.message);
  }
}

async function loadAlerts() {
  fetched.alerts = Date.now();
  try {
    ({ alerts } = await get("/api/v1/alerts?limit=100"));
    const mine = alerts.filter((alert) => alert.symbol === chosen.symbol);
    showAlerts($("alerts"), mine.slice(0, 10));
    chart.showAlerts(mine);
  } catch (error) {
    say(error.message);
  }
}

async function loadSymbols() {
  const { marks } = await get("/api/v1/clusters").catch(() => ({ marks: {} }));
  $("symbols").replaceChildren(...Object.keys(marks).sort().map((symbol) => new Option(symbol, symbol)));
}

function loadAll() {
  newest = [];
  showLiquidations($("liquidations"), newest);
  loadGrid(true);
  loadClusters();
  loadAlerts();
}

function refresh() {
  const now = Date.now();
  if (now - fetched.grid > GRID_EVERY_MS) loadGrid(false);
  if (now - fetched.clusters > CLUSTERS_EVERY_MS) loadClusters();
  if (now - fetched.alerts > ALERTS_EVERY_MS) loadAlerts();
  showState();
}

function showTable() {
  if (!clusters) return;
  const wanted = (each) => (chosen.side === "both" || each.liquidated === chosen.side) && each.strength >= chosen.strength;
  showClusters($("clusters"), clusters.clusters.filter(wanted).slice(0, 40), state ? state.at : clusters.as_of);
  chart.heatmap.showZones(clusters.zones.filter(wanted));
  const since = clusters.watching_since ? `, watching since ${clusters.watching_since.slice(11, 16)} UTC` : "";
  $("asof").textContent = `as of ${clusters.as_of.slice(11, 19)} UTC${since}; zones at the chart's right edge are as at their peak`;
}

// Silence of the server and silence of the exchange both mean: do not trust what you see.
function showState() {
  const silent = Date.now() - heardAt > SILENT_AFTER_MS;
  let problem = null;
  if (silent) problem = `No word from liqalert for ${age((Date.now() - heardAt) / 1000)}: what you see is not live.`;
  else if (state && !state.alive) problem = `The feed is not alive: ${state.problem || "no fresh marks"}. What you see is old.`;
  else if (state && state.warnings.length) problem = state.warnings.join(" ");
  $("stale").hidden = problem === null;
  $("stale").textContent = problem || "";
  document.body.classList.toggle("stale", silent || Boolean(state && !state.alive));
  if (!state) return;
  const mark = state.mark === null ? "no mark" : `mark ${price(state.mark)}`;
  $("state").textContent = silent ? "not connected" : `${state.alive ? "live" : "not alive"}, ${mark}, data ${state.mark_age_s === null ? "never" : `${age(state.mark_age_s)} old`}`;
}

function legend() {
  const { largest, steps, table } = chart.heatmap;
  if (!table) return;
  paintLegend($("scale"), table);
  $("low").textContent = largest ? usd(steps.floor) : "nothing stands";
  $("high").textContent = largest ? `${usd(largest)} standing` : "";
}

function say(text) {
  $("hover").textContent = text;
}

function point(at) {
  if (!at) return;
  const from = chart.grid.start + at.column * chart.grid.column_s;
  const watched = chart.grid.watched[at.column];
  const when = `${clock(from)} to ${clock(from + chart.grid.column_s)}, ${price(at.low)} to ${price(at.high)}`;
  const seen = watched > 0.995 ? "" : `; only ${Math.round(watched * 100)} % of this time was watched`;
  if (!at.cell) say(`${when}: ${watched > 0 ? "nothing stands" : "not watched"}${seen}`);
  else say(`${when}: longs ${usd(at.cell[2])}, shorts ${usd(at.cell[3])}, ${at.cell[4]} liquidations${seen}`);
}

function choose(change) {
  Object.assign(chosen, change);
  $("symbol").value = chosen.symbol;
  $("range").value = chosen.range;
  $("side").value = chosen.side;
  $("strength").value = chosen.strength;
  document.title = `${chosen.symbol} ${chosen.range} - liqalert`;
  history.replaceState(null, "", `#${encodeURIComponent(chosen.symbol)}/${chosen.range}/${chosen.side}/${chosen.strength}`);
}

function fromAddress() {
  const [symbol, range, side, strength] = location.hash.slice(1).split("/").map(decodeURIComponent);
  if (!symbol) return choose({});
  const known = (select, value) => [...$(select).options].some((option) => option.value === value);
  return choose({
    symbol,
    range: known("range", range) ? range : chosen.range,
    side: known("side", side) ? side : chosen.side,
    strength: Number.isFinite(Number(strength)) && strength !== undefined ? Number(strength) : chosen.strength,
  });
}

$("choice").addEventListener("submit", (event) => event.preventDefault());
$("symbol").addEventListener("change", () => {
  choose({ symbol: $("symbol").value.trim().toUpperCase() || chosen.symbol });
  [state, clusters] = [null, null];
  chart.clear();
  showClusters($("clusters"), []);
  $("asof").textContent = "";
  loadAll();
  live.follow(chosen.symbol);
});
$("range").addEventListener("change", () => {
  choose({ range: $("range").value });
  loadGrid(true);
});
$("side").addEventListener("change", () => {
  choose({ side: $("side").value });
  if (chart.grid) chart.heatmap.show(chart.grid, chosen.side, chart.light);
  legend();
  showTable();
});
$("strength").addEventListener("change", () => {
  choose({ strength: Number($("strength").value) || 0 });
  showTable();
});
chart.whenPointedAt(point);
fromAddress();
loadSymbols();
loadAll();
live.follow(chosen.symbol);
setInterval(() => !document.hidden && showState(), 1000);
