// Numbers and times as words, the same to the last digit as in the chat, on the terminal and in the pictures. Every
// amount has its unit, every time its zone.

const DAY_S = 86400;
const UNITS = [[1e9, "B"], [1e6, "M"], [1e3, "k"]];
const AGES = [[1, "s", 59.5], [60, "min", 90 * 60], [3600, "h", 48 * 3600], [DAY_S, "d", Infinity]];
const ALL_DIGITS = 100;

// What a cell of the grid holds, and how much of its time was seen.
export function cellInWords(grid, { column, low, high, cell }) {
  const [from, watched] = [grid.start + column * grid.column_s, grid.watched[column]];
  const first = grid.columns * grid.column_s > DAY_S ? moment(from) : clock(from);
  const where = `${first} to ${clock(from + grid.column_s)}, ${price(low)} to ${price(high)}`;
  // Neither all nor nothing, when it is almost that.
  const share_pct = watched > 0 ? Math.max(1, Math.min(99, Math.round(watched * 100))) : 0;
  const seen = watched > 0.995 ? "" : `; only ${share_pct} % of this time was watched`;
  if (!cell) return `${where}: ${watched > 0 ? `nothing stands${seen}` : "not watched"}`;
  return `${where}: longs ${usd(cell[2])}, shorts ${usd(cell[3])}, ${cell[4]} liquidation${cell[4] === 1 ? "" : "s"}${seen}`;
}

export function usd(value) {
  return `${amount(value)} USD`;
}

// For a column whose head names the unit. Three significant digits.
export function amount(value) {
  if (value < 999.5) return fixed(value, 0);
  const rounded = threeDigits(value);
  const [size, unit] = UNITS.find(([least]) => rounded >= least);
  const scaled = rounded / size;
  return `${grouped(fixed(scaled, Math.max(0, 2 - exponent(scaled))))}${unit}`;
}

// `0.72?` while the open interest that calibrates it is not known.
export function strength(each) {
  return `${fixed(each.strength, 2)}${each.calibrated ? "" : "?"}`;
}

// How an alert turned out, or where it stands. New liquidations have made a zone anew whose episode is idle again.
export function became(episode) {
  const word = episode.outcome || episode.state;
  return word === "idle" ? "grown" : word;
}

export function decimalsOf(price) {
  return Math.min(12, Math.max(0, 5 - Math.floor(Math.log10(price))));
}

// Six significant digits.
export function price(value) {
  return plain(value, Math.max(0, 5 - exponent(value)));
}

// One price where both read the same.
export function priceRange(low, high) {
  const [first, last] = [price(low), price(high)];
  return first === last ? first : `${first} to ${last}`;
}

// For a column of prices: all with as many decimals.
export function fixedPrice(value, decimals) {
  return grouped(fixed(value, decimals));
}

// Two decimals; below 0.01 one digit that is not zero: what is near is not inside.
export function percent(value) {
  return `${plain(value, Math.max(2, -exponent(value)))}\u00a0%`;
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
  const [unit_s, unit] = AGES.find(([, , limit_s]) => seconds < limit_s);
  return `${Math.max(0, Math.floor(seconds / unit_s + 0.5))} ${unit}`;
}

// By the server's clock: that of this machine may be another.
export function ago(iso, nowIso) {
  return `${age((Date.parse(nowIso) - Date.parse(iso)) / 1000)} ago`;
}

// The power of ten of the first digit that is not zero; 0 for 0.
function exponent(value) {
  return Number(value.toExponential().split("e")[1]);
}

function plain(value, decimals) {
  const text = grouped(fixed(value, decimals));
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function grouped(text) {
  const [whole, ...rest] = text.split(".");
  return [whole.replace(/\B(?=(\d{3})+$)/g, ","), ...rest].join(".");
}

function fixed(value, decimals) {
  return even(value.toFixed(ALL_DIGITS), decimals) ?? value.toFixed(decimals);
}

function threeDigits(value) {
  const [mantissa, power] = value.toExponential(ALL_DIGITS).split("e");
  const tie = even(mantissa, 2);
  return Number(tie === null ? value.toExponential(2) : `${tie}e${power}`);
}

// Of what lies exactly between two, the even one, as Python rounds, where that is the lower; null for all else, which
// the language's own rounding, upwards between two, gets right. digits: with all decimals there are
function even(digits, decimals) {
  const end = digits.length - ALL_DIGITS + decimals;
  const kept = digits.slice(0, decimals ? end : end - 1);
  return /^50*$/.test(digits.slice(end)) && kept.at(-1) % 2 === 0 ? kept : null;
}
