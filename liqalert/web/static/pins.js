// Alerts on the chart: when and at which price each was told, and what became of it.

import { became } from "./words.js";

const NAMED = 8;
const LINE = 13;

export class Pins {
  constructor() {
    this.pins = [];
  }

  // alerts: the newest first
  show(alerts) {
    this.pins = alerts.flatMap((alert) => {
      const price = priceOf(alert);
      return price === null ? [] : [{ time: Date.parse(alert.decided_at) / 1000, price, words: wordsOf(alert) }];
    });
  }

  // x, y: functions of a time and of a price, giving a place in bitmap pixels. The newest are named, where there is room.
  draw({ context, bitmapSize, verticalPixelRatio: ratio }, x, y, { alert, ground }) {
    const named = [];
    context.font = `${11 * ratio}px system-ui, sans-serif`;
    context.textBaseline = "middle";
    context.lineJoin = "round";
    for (const pin of this.pins) {
      const [at, tip] = [x(pin.time), y(pin.price)];
      if (at === null || tip === null || at < 0 || at > bitmapSize.width) continue;
      context.beginPath();
      context.moveTo(at, tip - ratio);
      context.lineTo(at - 5 * ratio, tip - 11 * ratio);
      context.lineTo(at + 5 * ratio, tip - 11 * ratio);
      context.closePath();
      context.lineWidth = ratio;
      context.strokeStyle = ground;
      context.fillStyle = alert;
      context.fill();
      context.stroke();
      const length = context.measureText(pin.words).width;
      // To the left: what came later stands to the right.
      const left = at - 8 * ratio - length < 0 ? at + 8 * ratio : at - 8 * ratio - length;
      const place = { left: left - 4 * ratio, right: left + length + 4 * ratio, y: tip - 7 * ratio };
      if (named.length >= NAMED || named.some((other) => overlap(place, other, LINE * ratio))) continue;
      named.push(place);
      context.lineWidth = 3 * ratio;
      context.strokeText(pin.words, left, place.y);
      context.fillText(pin.words, left, place.y);
    }
  }
}

function overlap(one, other, line) {
  return one.left < other.right && other.left < one.right && Math.abs(one.y - other.y) < line;
}

// The price at which an alert was told; null for one that is about no price.
function priceOf({ evidence, flow, liquidation }) {
  if (evidence) return evidence.mark_price;
  if (flow) return flow.price_to;
  return liquidation ? liquidation.price : null;
}

function wordsOf({ kind, episode }) {
  const word = episode ? became(episode) : kind;
  return word === kind ? kind : `${kind}: ${word}`;
}
