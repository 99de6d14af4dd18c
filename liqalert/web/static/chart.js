// Candles, the heatmap under them, and marks for alerts.

import { Heatmap } from "./heatmap.js";
import { decimalsOf } from "./words.js";

const LOGARITHMIC = 1;

export class Chart {
  constructor(element) {
    this.element = element;
    this.light = window.matchMedia("(prefers-color-scheme: light)").matches;
    this.chart = LightweightCharts.createChart(element, {
      width: element.clientWidth,
      height: element.clientHeight,
      layout: { background: { color: "transparent" }, textColor: this.light ? "#14181f" : "#cbd2dc", attributionLogo: true },
      grid: { vertLines: { visible: false }, horzLines: { visible: false } },
      rightPriceScale: { mode: LOGARITHMIC, borderVisible: false },
      timeScale: { timeVisible: true, secondsVisible: false, borderVisible: false, rightOffset: 0 },
      crosshair: { mode: 0 },
    });
    const [up, down] = this.light ? ["#0b7285", "#862e9c"] : ["#63e6be", "#e599f7"];
    this.series = this.chart.addSeries(LightweightCharts.CandlestickSeries, {
      upColor: up, wickUpColor: up, borderUpColor: up, downColor: down, wickDownColor: down, borderDownColor: down,
    });
    this.heatmap = new Heatmap();
    this.series.attachPrimitive(this.heatmap);
    this.marks = LightweightCharts.createSeriesMarkers(this.series, []);
    new ResizeObserver(() => this.chart.applyOptions({ width: element.clientWidth, height: element.clientHeight })).observe(element);
  }

  // fresh: another instrument or range, of which all is to be seen
  show(grid, side, fresh) {
    this.grid = grid;
    const known = grid.candles.filter((candle) => candle);
    const decimals = known.length ? decimalsOf(known[known.length - 1][4]) : 2;
    this.series.applyOptions({ priceFormat: { type: "price", precision: decimals, minMove: 10 ** -decimals } });
    this.series.setData(grid.candles.map((candle, column) => this.bar(candle, column)));
    this.heatmap.show(grid, side, this.light);
    if (fresh) {
      this.chart.priceScale("right").applyOptions({ autoScale: true });
      // Room at the right edge for the zones.
      const room = Math.ceil(grid.columns * 0.11);
      this.chart.timeScale().setVisibleLogicalRange({ from: -0.5, to: grid.columns - 0.5 + room });
    }
  }

  // Nothing of one instrument is shown under the name of another.
  clear() {
    this.grid = null;
    this.series.setData([]);
    this.marks.setMarkers([]);
    this.heatmap.clear();
  }

  bar(candle, column) {
    const time = this.grid.start + column * this.grid.column_s;
    if (!candle) return { time };
    return { time, open: candle[1], high: candle[2], low: candle[3], close: candle[4] };
  }

  // The newest mark moves the open candle.
  mark(price) {
    if (!this.grid) return;
    const column = this.grid.columns - 1;
    const candle = this.grid.candles[column] || [this.grid.start + column * this.grid.column_s, price, price, price, price];
    candle[2] = Math.max(candle[2], price);
    candle[3] = Math.min(candle[3], price);
    candle[4] = price;
    this.grid.candles[column] = candle;
    this.series.update(this.bar(candle, column));
  }

  showAlerts(alerts) {
    if (!this.grid) return;
    const found = [];
    for (const alert of alerts) {
      const column = Math.floor((Date.parse(alert.decided_at) / 1000 - this.grid.start) / this.grid.column_s);
      if (column < 0 || column >= this.grid.columns) continue;
      const outcome = alert.episode ? alert.episode.outcome || alert.episode.state : "";
      found.push({
        time: this.grid.start + column * this.grid.column_s, position: "aboveBar", shape: "arrowDown", size: 1,
        color: this.light ? "#9a4b00" : "#ffb454", text: [alert.kind, outcome].filter(Boolean).join(": "),
      });
    }
    this.marks.setMarkers(found.sort((one, other) => one.time - other.time));
  }

  // tell(null) when nothing is pointed at
  whenPointedAt(tell) {
    this.chart.subscribeCrosshairMove((parameters) => {
      const { point, logical } = parameters;
      if (!point || logical === undefined || !this.grid || logical < 0 || logical >= this.grid.columns) return tell(null);
      const price = this.series.coordinateToPrice(point.y);
      if (price === null || price <= 0) return tell(null);
      const row = this.heatmap.rowAt(price);
      return tell({
        column: Math.round(logical), low: this.heatmap.edge(row), high: this.heatmap.edge(row + 1),
        cell: this.heatmap.cellAt(Math.round(logical), price),
      });
    });
  }
}
