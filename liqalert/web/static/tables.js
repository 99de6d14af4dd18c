// Tables of clusters, alerts and liquidations. Text only: nothing that came from outside becomes markup.

import { ago, amount, became, day, moment, percent, price, priceRange, strength } from "./words.js";

function fill(body, rows, nothing) {
  const wanted = rows.length ? rows : [[nothing]];
  // One that is filled each second is read meanwhile, and parts of it are selected: what stays the same is left alone.
  if (body.rows.length === wanted.length && wanted.every((cells, at) => body.rows[at].cells.length === cells.length)) {
    wanted.forEach((cells, at) => cells.forEach((text, column) => put(body.rows[at].cells[column], String(text))));
    return;
  }
  body.replaceChildren(
    ...wanted.map((cells) => {
      const row = document.createElement("tr");
      for (const text of cells) {
        const cell = document.createElement("td");
        cell.textContent = text;
        if (cells.length === 1) cell.colSpan = 7;
        row.append(cell);
      }
      return row;
    }),
  );
}

function put(cell, text) {
  if (cell.textContent !== text) cell.textContent = text;
}

// How far `mark` is from the range of a cluster, in per cent of it; as it was when they were asked for without one.
function away(each, mark) {
  if (mark === null) return each.distance_pct;
  return (Math.max(0, each.price_low - mark, mark - each.price_high) / mark) * 100;
}

// Of those that are equally far away, the strongest first.
export function nearestFirst(clusters, mark) {
  if (mark === null) return clusters;
  return clusters.toSorted((one, other) => away(one, mark) - away(other, mark) || other.strength - one.strength);
}

export function showClusters(body, clusters, now, mark) {
  fill(
    body,
    clusters.map((each) => [
      away(each, mark) === null ? "?" : percent(away(each, mark)),
      each.liquidated,
      strength(each),
      amount(each.notional_usd),
      priceRange(each.price_low, each.price_high),
      each.count,
      ago(each.newest_at, now),
    ]),
    "none of this strength",
  );
}

export function showAlerts(body, alerts) {
  fill(
    body,
    alerts.map((each) => [
      day(each.decided_at), each.kind, each.liquidated || "-",
      each.episode ? became(each.episode) : "-",
    ]),
    "none yet",
  );
}

export function showLiquidations(body, liquidations) {
  fill(
    body,
    liquidations.map((each) => [day(each.at), each.liquidated, price(each.price), amount(each.notional_usd)]),
    "none since this list was begun",
  );
}

export function showGaps(body, grid) {
  const rows = grid.gaps.toReversed().map((each) => [day(each.from), each.to ? day(each.to) : "still open", each.stream, each.cause]);
  fill(body, [...rows, ...beginning(grid)], "no gap");
}

// What was before the first record is no gap, but was not watched either.
function beginning({ as_of, start, column_s, watched, gaps }) {
  if (watched[0] > 0 || gaps.some((each) => Date.parse(each.from) / 1000 <= start)) return [];
  const first = watched.findIndex((share) => share > 0);
  const opens = start + first * column_s;
  // The last column is as long as it has lasted.
  const lasted_s = Math.min(column_s, Date.parse(as_of) / 1000 - opens);
  const until = first < 0 ? "still open" : moment(opens + (1 - watched[first]) * lasted_s);
  return [["before", until, "all", "nothing is recorded"]];
}
