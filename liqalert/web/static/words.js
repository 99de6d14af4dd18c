// Numbers and times as words. Every amount has its unit, every time its zone.

const DAY_S = 86400;

// What a cell of the grid holds, and how much of its time was seen.
export function cellInWords(grid, { column, low, high, cell }) {
  const [from, watched] = [grid.start + column * grid.column_s, grid.watched[column]];
  const first = grid.columns * grid.column_s > DAY_S ? moment(from) : clock(from);
  const where = `${first} to ${clock(from + grid.column_s)}, ${price(low)} to ${price(high)}`;
  const seen = watched > 0.995 ? "" : `; only ${Math.round(watched * 100)} % of this time was watched`;
  if (!cell) return `${where}: ${watched > 0 ? `nothing stands${seen}` : "not watched"}`;
  return `${where}: longs ${usd(cell[2])}, shorts ${usd(cell[3])}, ${cell[4]} liquidation${cell[4] === 1 ? "" : "s"}${seen}`;
}

export function usd(value) {
  return `${amount(value)} USD`;
}

// For a column whose head names the unit.
export function amount(value) {
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)}B`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)}M`;
  if (value >= 1e3) return `${Math.round(value / 1e3)}k`;
  return `${Math.round(value)}`;
}

// `0.72?` while the open interest that calibrates it is not known.
export function strength(each) {
  return `${each.strength.toFixed(2)}${each.calibrated ? "" : "?"}`;
}

export function decimalsOf(price) {
  return Math.min(12, Math.max(0, 5 - Math.floor(Math.log10(price))));
}

export function price(value) {
  const decimals = Math.max(0, Math.min(12, 5 - Math.floor(Math.log10(value))));
  return value.toLocaleString("en", { maximumFractionDigits: decimals });
}

export function percent(value) {
  return `${value.toFixed(2)}\u00a0%`;
}

export function clock(seconds) {
  return `${new Date(seconds * 1000).toISOString().slice(11, 16)} UTC`;
}

// With the day: some ranges hold the same hour several times.
export function moment(seconds) {
  return day(new Date(seconds * 1000).toISOString());
}

// With the day where that is not the one of `nowIso`.
export function time(iso, nowIso = iso) {
  return `${sameDay(iso, nowIso) ? "" : `${iso.slice(5, 10)} `}${iso.slice(11, 19)} UTC`;
}

export function minute(iso, nowIso) {
  return sameDay(iso, nowIso) ? `${iso.slice(11, 16)} UTC` : day(iso);
}

function sameDay(one, other) {
  return one.slice(0, 10) === other.slice(0, 10);
}

export function day(iso) {
  return `${iso.slice(5, 10)} ${iso.slice(11, 16)} UTC`;
}

export function age(seconds) {
  if (seconds < 120) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

// By the server's clock: that of this machine may be another.
export function ago(iso, nowIso) {
  return `${age((Date.parse(nowIso) - Date.parse(iso)) / 1000)} ago`;
}
