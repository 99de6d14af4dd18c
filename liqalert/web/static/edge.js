// The right edge of the chart: live clusters as bars, longer where stronger, and zones as boxes, each with its strength.

const NARROW = 480;
const WIDE = { zone: 62, bar: 60, word: (each) => each.liquidated };
const SMALL = { zone: 42, bar: 42, word: (each) => each.liquidated[0].toUpperCase() };
const LABEL = 28;

const sizes = (width) => (width < NARROW ? SMALL : WIDE);

// What the edge needs of a pane so wide, in CSS pixels.
export function roomFor(width) {
  const { zone, bar } = sizes(width);
  return zone + bar + 6;
}

export class Edge {
  constructor() {
    this.clusters = [];
    this.zones = [];
  }

  // at: function(price) giving a place in bitmap pixels, or null
  draw({ context, bitmapSize, mediaSize, verticalPixelRatio: ratio }, at, light) {
    const { zone, bar, word } = sizes(mediaSize.width);
    const ink = light ? "#14181f" : "#e6e9ee";
    const wall = bitmapSize.width - zone * ratio;
    context.font = `${11 * ratio}px system-ui, sans-serif`;
    context.textBaseline = "middle";
    context.lineWidth = ratio;
    for (const each of this.zones) {
      const [top, low] = [at(each.high), at(each.low)];
      if (top === null || low === null) continue;
      const height = Math.max(3 * ratio, low - top);
      context.fillStyle = "rgba(64,196,255,.14)";
      context.fillRect(wall, top, zone * ratio, height);
      context.strokeStyle = light ? "#0277bd" : "#40c4ff";
      context.strokeRect(wall, top, zone * ratio, height);
      context.fillStyle = ink;
      context.fillText(`${word(each)} ${each.strength.toFixed(2)}`, wall + 3 * ratio, top + height / 2);
    }
    for (const each of this.clusters) {
      const [y, top, low] = [at(each.price), at(each.price_high), at(each.price_low)];
      if (y === null || top === null || low === null) continue;
      const foot = wall - 4 * ratio;
      const length = (bar - LABEL) * each.strength * ratio;
      context.fillStyle = ink;
      context.globalAlpha = 0.75;
      context.fillRect(foot, top, 2 * ratio, Math.max(2 * ratio, low - top));
      context.fillRect(foot - length, y - 2 * ratio, length, 4 * ratio);
      context.globalAlpha = 1;
      context.fillText(each.strength.toFixed(2), foot - length - 25 * ratio, y);
    }
  }
}
