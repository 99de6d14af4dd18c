// Tables of clusters, alerts and liquidations. Text only: nothing that came from outside becomes markup.

import { ago, amount, became, day, percent, price, strength } from "./words.js";

function fill(body, rows, nothing) {
  body.replaceChildren(
    ...(rows.length ? rows : [[nothing]]).map((cells) => {
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

export function showClusters(body, clusters, now) {
  fill(
    body,
    clusters.map((each) => [
      each.distance_pct === null ? "?" : percent(each.distance_pct),
      each.liquidated,
      strength(each),
      amount(each.notional_usd),
      `${price(each.price_low)} to ${price(each.price_high)}`,
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

export function showGaps(body, gaps) {
  fill(
    body,
    gaps.toReversed().map((each) => [day(each.from), each.to ? day(each.to) : "still open", each.stream, each.cause]),
    "no gap",
  );
}
