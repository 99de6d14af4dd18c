// The right edge of the chart: live clusters as bars, longer where stronger, and zones as boxes, each with its strength.

import { strength } from "./words.js";

const NARROW = 480;
const WIDE = { zone: 62, bar: 60, word: (each) => each.liquidated };
const SMALL = { zone: 42, bar: 42, word: (each) => each.liquidated[0].toUpperCase() };
const LABEL = 28;
const LINE = 12;
const HUES = {
  dark: { long: "64,196,255", short: "255,138,90" },
  light: { long: "2,119,189", short: "179,64,20" },
};

const sizes = (width) => (width < NARROW ? SMALL : WIDE);

// What the edge needs of a pane so wide, in CSS pixels.
export function roomFor(width) {
  const { zone, bar } = sizes(width);
  return zone + bar + 6;
}

export class Edge {
  constructor() {
    this.show([], []);
  }

  // The strongest are drawn last and named first.
  show(clusters, zones) {
    const stronger = (one, other) => other.strength - one.strength;
    [this.clusters, this.zones] = [[...clusters].sort(stronger), [...zones].sort(stronger)];
  }

  // at: function(price) giving a place in bitmap pixels, or null
  draw(scope, at, light) {
    const { context, bitmapSize, mediaSize, verticalPixelRatio: ratio } = scope;
    const { zone, bar, word } = sizes(mediaSize.width);
    const [ink, hues] = light ? ["#14181f", HUES.light] : ["#e6e9ee", HUES.dark];
    const wall = bitmapSize.width - zone * ratio;
    const foot = wall - 4 * ratio;
    context.font = `${11 * ratio}px system-ui, sans-serif`;
    context.textBaseline = "middle";
    context.lineWidth = ratio;
    const zones = spread(this.zones, (each) => [at(each.high), at(each.low)], LINE * ratio);
    for (const { each, top, low } of [...zones].reverse()) {
      const height = Math.max(3 * ratio, low - top);
      context.fillStyle = `rgba(${hues[each.liquidated]},.12)`;
      context.fillRect(wall, top, zone * ratio, height);
      context.strokeStyle = `rgb(${hues[each.liquidated]})`;
      context.strokeRect(wall + ratio / 2, top, (zone - 1) * ratio, height);
    }
    context.fillStyle = ink;
    for (const { each, y } of zones.filter(({ named }) => named)) {
      context.fillText(`${word(each)} ${strength(each)}`, wall + 4 * ratio, y);
    }
    for (const { each, top, low, y, named } of spread(this.clusters, (each) => [at(each.price_high), at(each.price_low), at(each.price)], LINE * ratio)) {
      const length = (bar - LABEL) * each.strength * ratio;
      context.fillStyle = `rgba(${hues[each.liquidated]},.85)`;
      context.fillRect(foot, top, 2 * ratio, Math.max(2 * ratio, low - top));
      context.fillRect(foot - length, y - 2 * ratio, length, 4 * ratio);
      context.fillStyle = ink;
      if (named) context.fillText(strength(each), foot - length - 25 * ratio, y);
    }
  }
}

// Where each lies, and whether it is named: not where its words would lie on those of a stronger one.
function spread(items, placesOf, line) {
  const taken = [];
  return items.flatMap((each) => {
    const [top, low, middle = (top + low) / 2] = placesOf(each);
    if ([top, low, middle].includes(null)) return [];
    const named = taken.every((other) => Math.abs(other - middle) >= line);
    if (named) taken.push(middle);
    return [{ each, top, low, y: middle, named }];
  });
}
