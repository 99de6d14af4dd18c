// What is looked at: the same in the form, in the title and in the address, so that a reload or a bookmark keeps it.

const $ = (id) => document.getElementById(id);
const FIELDS = ["symbol", "range", "side", "strength"];

export const chosen = { symbol: "BTCUSDT", range: "24h", side: "both", strength: 0.2 };

export function choose(change) {
  Object.assign(chosen, change);
  for (const field of FIELDS) $(field).value = chosen[field];
  document.title = `${chosen.symbol} ${chosen.range} - liqalert`;
  history.replaceState(null, "", `#${FIELDS.map((field) => encodeURIComponent(chosen[field])).join("/")}`);
}

// Anything in the address that is not understood is passed over.
export function chooseFromAddress() {
  const [symbol, range, side, strength] = location.hash.slice(1).split("/").map(decoded);
  const offered = (select, value) => [...$(select).options].some((option) => option.value === value);
  choose({
    symbol: symbol || chosen.symbol,
    range: offered("range", range) ? range : chosen.range,
    side: offered("side", side) ? side : chosen.side,
    strength: strengthFrom(strength, chosen.strength),
  });
}

export function strengthFrom(text, otherwise) {
  const strength = Number.parseFloat(text);
  return strength >= 0 && strength <= 1 ? strength : otherwise;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
