// Candles, the heatmap under them, and a cursor for those who use no mouse.

import { roomFor } from "./edge.js";
import { Heatmap } from "./heatmap.js";
import { decimalsOf, fixedPrice } from "./words.js";

const LOGARITHMIC = 1;
const DOTTED = 1;
const LIGHT = window.matchMedia("(prefers-color-scheme: light)");
const STILL = window.matchMedia("(prefers-reduced-motion: reduce)");
const DARK_COLOURS = { text: "#cbd2dc", up: "#63e6be", down: "#e599f7" };
const LIGHT_COLOURS = { text: "#14181f", up: "#0b7285", down: "#862e9c" };
const colours = () => (LIGHT.matches ? LIGHT_COLOURS : DARK_COLOURS);

export class Chart {
  constructor(element) {
    this.element = element;
    // What the mouse or the keys point at: a time and a price, which stay what they are when the grid moves on.
    this.pointed = null;
    this.chart = LightweightCharts.createChart(element, {
      width: element.clientWidth,
      height: element.clientHeight,
      layout: { background: { color: "transparent" }, attributionLogo: true },
      grid: { vertLines: { visible: false }, horzLines: { visible: false } },
      rightPriceScale: { mode: LOGARITHMIC, borderVisible: false },
      timeScale: { timeVisible: true, secondsVisible: false, borderVisible: false, rightOffset: 0 },
      crosshair: { mode: 0 },
      // That of the reader might count other days and in other digits than the rest of the page.
      localization: { locale: "en-GB" },
      // On a phone held sideways there is nothing beside the chart by which to scroll on.
      handleScroll: { vertTouchDrag: false },
    });
    // At the edge stands the newest mark, as at the head of the page, and not the last candle's end: a new column comes later.
    this.series = this.chart.addSeries(LightweightCharts.CandlestickSeries, { lastValueVisible: false, priceLineVisible: false });
    this.newest = null;
    this.heatmap = new Heatmap(LIGHT.matches);
    this.series.attachPrimitive(this.heatmap);
    new ResizeObserver(() => this.chart.applyOptions({ width: element.clientWidth, height: element.clientHeight })).observe(element);
    for (const preference of [LIGHT, STILL]) preference.addEventListener("change", () => this.dress());
    this.dress();
  }

  // As the reader's system asks for: light or dark, with motion or without.
  dress() {
    const { text, up, down } = colours();
    this.chart.applyOptions({ layout: { textColor: text }, kineticScroll: { touch: !STILL.matches, mouse: false } });
    this.series.applyOptions({ upColor: up, wickUpColor: up, borderUpColor: up, downColor: down, wickDownColor: down, borderDownColor: down });
    if (this.newest) this.newest.applyOptions({ color: text });
    this.heatmap.choose(this.heatmap.side, LIGHT.matches);
  }

  chooseSide(side) {
    this.heatmap.choose(side, LIGHT.matches);
  }

  // fresh: another instrument or range, of which all is to be seen. False when the grid is older than what has come since.
  show(grid, fresh) {
    const complete = this.heatmap.show(grid);
    this.grid = grid;
    const known = grid.candles.filter((candle) => candle);
    const decimals = known.length ? decimalsOf(known[known.length - 1][4]) : 2;
    // The library's own format writes prices from 0.000001 to 0.00001 as 0.99999999999.
    this.series.applyOptions({ priceFormat: { type: "custom", formatter: (price) => fixedPrice(price, decimals), minMove: 10 ** -decimals } });
    this.series.setData(grid.candles.map((candle, column) => this.bar(candle, column)));
    if (fresh) this.showAll();
    return complete;
  }

  // Every column, and room at the right edge for what stands there.
  showAll() {
    if (!this.grid) return;
    this.chart.priceScale("right").applyOptions({ autoScale: true });
    const width = Math.max(1, this.chart.timeScale().width());
    const room = Math.min(0.45, roomFor(width) / width);
    const columns = this.grid.columns / (1 - room);
    this.chart.timeScale().setVisibleLogicalRange({ from: -0.5, to: columns - 0.5 });
  }

  // Nothing of one instrument is shown under the name of another.
  clear() {
    this.grid = null;
    this.pointed = null;
    if (this.newest) this.series.removePriceLine(this.newest);
    this.newest = null;
    this.series.setData([]);
    this.heatmap.clear();
  }

  bar(candle, column) {
    const time = this.timeOf(column);
    if (!candle) return { time };
    return { time, open: candle[1], high: candle[2], low: candle[3], close: candle[4] };
  }

  // The newest mark moves the open candle. False when it belongs to a column that is not there yet.
  mark(price, at) {
    if (!this.grid) return true;
    this.showNewest(price);
    const { start, column_s, columns, candles } = this.grid;
    const column = Math.floor((at - start) / column_s);
    if (column !== columns - 1) return column < columns;
    const [time, open, high, low] = candles[column] || [start + column * column_s, price, price, price];
    candles[column] = [time, open, Math.max(high, price), Math.min(low, price), price];
    this.series.update(this.bar(candles[column], column));
    return true;
  }

  showNewest(price) {
    if (this.newest) this.newest.applyOptions({ price });
    else this.newest = this.series.createPriceLine({ price, color: colours().text, lineWidth: 1, lineStyle: DOTTED });
  }

  // tell: is given a cell whenever another is pointed at, by the mouse or by keys
  whenPointedAt(tell) {
    const pointed = ({ point, logical, sourceEvent }) => {
      // Without a source it is the chart that moves, not the reader.
      if (!sourceEvent || !point || logical === undefined || !this.grid) return;
      const [column, price] = [Math.round(logical), this.series.coordinateToPrice(point.y)];
      if (column < 0 || column >= this.grid.columns || price === null || price <= 0) return;
      this.pointed = { time: this.timeOf(column), price };
      tell(this.cell());
    };
    this.chart.subscribeCrosshairMove(pointed);
    // A finger that taps moves no cross-hair.
    this.chart.subscribeClick(pointed);
    this.element.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || !this.grid || !this.pressed(event.key, event.shiftKey ? 10 : 1)) return;
      event.preventDefault();
      const cell = this.cell();
      if (cell) tell(cell);
    });
  }

  // Whether the key means something here.
  pressed(key, columns) {
    const newest = { column: this.grid.columns - 1, row: this.rowOfPrice() };
    const at = this.place() || newest;
    const to = (column) => this.point(Math.max(0, Math.min(this.grid.columns - 1, column)), at.row);
    const along = (step) => this.point(at.column, this.heatmap.nextRow(at.column, at.row, step) ?? at.row);
    const keys = {
      ArrowLeft: () => to(at.column - columns), ArrowRight: () => to(at.column + columns),
      ArrowUp: () => along(1), ArrowDown: () => along(-1),
      Home: () => to(0), End: () => this.point(newest.column, newest.row),
      "+": () => this.zoom(0.5), "-": () => this.zoom(2), 0: () => this.showAll(),
    };
    if (!(key in keys)) return false;
    keys[key]();
    return true;
  }

  point(column, row) {
    const price = Math.sqrt(this.heatmap.priceOf(row) * this.heatmap.priceOf(row + 1));
    this.pointed = { time: this.timeOf(column), price };
    this.chart.setCrosshairPosition(price, this.pointed.time, this.series);
  }

  zoom(factor) {
    const { from, to } = this.chart.timeScale().getVisibleLogicalRange();
    this.chart.timeScale().setVisibleLogicalRange({ from: to - (to - from) * factor, to });
  }

  timeOf(column) {
    return this.grid.start + column * this.grid.column_s;
  }

  // That of the newest candle; the middle where there is none.
  rowOfPrice() {
    const newest = this.grid.candles.findLast((candle) => candle);
    return newest ? this.heatmap.rowAt(newest[4]) : Math.floor(this.grid.rows / 2);
  }

  // Where the grid has what is pointed at; null when nothing is, or it has gone by.
  place() {
    if (!this.pointed || !this.grid) return null;
    const column = Math.floor((this.pointed.time - this.grid.start) / this.grid.column_s);
    return column < 0 ? null : { column, row: this.heatmap.rowAt(this.pointed.price) };
  }

  // What is pointed at, as it is now.
  cell() {
    const at = this.place();
    if (!at) return null;
    const { column, row } = at;
    return { column, low: this.heatmap.priceOf(row), high: this.heatmap.priceOf(row + 1), cell: this.heatmap.cellAt(column, row) };
  }
}
