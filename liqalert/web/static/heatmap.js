// The heatmap under the candles: one bitmap, a pixel a cell, drawn with one call a frame.

import { scale, stepper } from "./colours.js";
import { Edge } from "./edge.js";
import { Pins } from "./pins.js";

const MOST_RECENT = 2000;
const WATCHED = 0.995;
const DARK = { ground: "#0b0e14", hatching: "rgba(150,160,175,.5)", alert: "#ffb454" };
const LIGHT = { ground: "#ffffff", hatching: "rgba(60,70,85,.55)", alert: "#9a4b00" };

export class Heatmap {
  constructor(light) {
    this.light = light;
    this.side = "both";
    this.edge = new Edge();
    this.pins = new Pins();
    this.bitmap = document.createElement("canvas");
    this.view = { zOrder: () => "bottom", renderer: () => ({ draw: (target) => this.draw(target) }) };
    this.front = { zOrder: () => "top", renderer: () => ({ draw: (target) => this.drawFront(target) }) };
    this.clear();
  }

  attached(parameters) {
    this.attachedTo = parameters;
  }

  detached() {
    this.attachedTo = null;
  }

  updateAllViews() {}

  paneViews() {
    return [this.view, this.front];
  }

  // Nothing of one instrument may stand under the name of another.
  clear() {
    this.grid = null;
    this.cells = new Map();
    this.recent = [];
    this.largest = 0;
    this.showEdge([], []);
    this.showPins([]);
  }

  // False when it lacks liquidations that have come since, and cannot take them in.
  show(grid) {
    this.grid = grid;
    this.asOf = Date.parse(grid.as_of) / 1000;
    this.rowLog = Math.log1p(grid.row_pct / 100);
    this.cells = new Map(grid.cells.map((cell) => [cell[0] * grid.rows + cell[1], cell]));
    this.recent = this.recent.filter((liquidation) => liquidation.at > this.asOf);
    const complete = this.recent.map((liquidation) => this.put(liquidation)).every(Boolean);
    this.repaint();
    return complete;
  }

  // side: "both", "long" or "short"
  choose(side, light) {
    this.side = side;
    this.light = light;
    if (this.grid) this.repaint();
  }

  showEdge(clusters, zones) {
    this.edge.show(clusters, zones);
    this.redraw();
  }

  showPins(alerts) {
    this.pins.show(alerts);
    this.redraw();
  }

  // A liquidation that has just come in. False when only a newer grid can show it: a column that has closed stays as it is.
  add(liquidation) {
    this.recent = [...this.recent, liquidation].slice(-MOST_RECENT);
    if (!this.grid) return true;
    const complete = this.put(liquidation);
    if (complete) this.repaint();
    return complete;
  }

  // A grid holds what had been received by its moment: that is never counted again.
  put({ liquidated, price, usd, at }) {
    if (at <= this.asOf) return true;
    const { start, column_s, columns, rows } = this.grid;
    const [column, row] = [Math.floor((at - start) / column_s), this.rowAt(price)];
    if (column >= columns || row < 0 || row >= rows) return false;
    const key = column * rows + row;
    const cell = this.cells.get(key) || [column, row, 0, 0, 0];
    cell[liquidated === "long" ? 2 : 3] += Math.round(usd);
    cell[4] += 1;
    this.cells.set(key, cell);
    return true;
  }

  rowAt(price) {
    return Math.floor(Math.log(price / this.grid.price_low) / this.rowLog);
  }

  priceOf(row) {
    return this.grid.price_low * Math.exp(row * this.rowLog);
  }

  cellAt(column, row) {
    return this.cells.get(column * this.grid.rows + row);
  }

  // The next row of a column that holds something, upwards or downwards; null when there is none.
  nextRow(column, row, step) {
    for (let next = row + step; next >= 0 && next < this.grid.rows; next += step) {
      if (this.cellAt(column, next)) return next;
    }
    return null;
  }

  get colours() {
    return this.light ? LIGHT : DARK;
  }

  amount(cell) {
    if (this.side === "long") return cell[2];
    if (this.side === "short") return cell[3];
    return cell[2] + cell[3];
  }

  repaint() {
    const { columns, rows } = this.grid;
    this.largest = 0;
    for (const cell of this.cells.values()) this.largest = Math.max(this.largest, this.amount(cell));
    this.steps = stepper(this.largest);
    this.table = scale(this.light);
    this.bitmap.width = columns;
    this.bitmap.height = Math.max(1, rows);
    const context = this.bitmap.getContext("2d");
    const image = context.createImageData(columns, Math.max(1, rows));
    for (const cell of this.cells.values()) {
      const amount = this.amount(cell);
      if (amount < this.steps.floor) continue;
      const step = this.steps.of(amount) * 4;
      image.data.set(this.table.subarray(step, step + 4), ((rows - 1 - cell[1]) * columns + cell[0]) * 4);
    }
    context.putImageData(image, 0, 0);
    this.redraw();
  }

  redraw() {
    if (this.attachedTo) this.attachedTo.requestUpdate();
  }

  // Where the grid lies on the screen, in bitmap pixels; null before there is one.
  place(scope) {
    if (!this.grid || !this.attachedTo || !this.grid.rows) return null;
    const times = this.attachedTo.chart.timeScale();
    const [first, second] = [times.logicalToCoordinate(0), times.logicalToCoordinate(1)];
    const [low, high] = [this.grid.price_low, this.priceOf(this.grid.rows)].map((p) => this.attachedTo.series.priceToCoordinate(p));
    if ([first, second, low, high].some((value) => value === null)) return null;
    const width = (second - first) * scope.horizontalPixelRatio;
    return {
      width,
      left: first * scope.horizontalPixelRatio - width / 2,
      top: high * scope.verticalPixelRatio,
      bottom: low * scope.verticalPixelRatio,
    };
  }

  draw(target) {
    target.useBitmapCoordinateSpace((scope) => {
      const at = this.place(scope);
      if (!at) return;
      const context = scope.context;
      context.imageSmoothingEnabled = false;
      context.drawImage(this.bitmap, at.left, at.top, at.width * this.grid.columns, at.bottom - at.top);
      this.drawUnwatched(scope, at);
      this.drawSaturated(scope, at);
    });
  }

  // Time that was not watched is not empty: it is unknown, and looks so.
  drawUnwatched({ context, bitmapSize, verticalPixelRatio }, at) {
    context.fillStyle = context.createPattern(this.hatching(verticalPixelRatio), "repeat");
    this.grid.watched.forEach((share, column) => {
      if (share > WATCHED) return;
      const left = Math.round(at.left + column * at.width);
      context.fillRect(left, 0, Math.round(at.left + (column + 1) * at.width) - left, bitmapSize.height * (1 - share));
    });
  }

  // A tile of slanted lines that fits its neighbours, made anew when the ground or the screen changes.
  hatching(ratio) {
    const key = `${this.light} ${ratio}`;
    if (this.tile && this.tile.key === key) return this.tile.canvas;
    const canvas = document.createElement("canvas");
    const size = Math.max(4, Math.round(7 * ratio));
    canvas.width = canvas.height = size;
    const context = canvas.getContext("2d");
    context.strokeStyle = this.colours.hatching;
    context.lineWidth = ratio;
    context.beginPath();
    for (const shift of [-size, 0, size]) {
      context.moveTo(shift, size);
      context.lineTo(shift + size, 0);
    }
    context.stroke();
    this.tile = { key, canvas };
    return canvas;
  }

  drawSaturated({ context, bitmapSize, verticalPixelRatio }, at) {
    const height = 5 * verticalPixelRatio;
    context.fillStyle = "#e8590c";
    this.grid.saturated_s.forEach((seconds, column) => {
      if (seconds) context.fillRect(at.left + column * at.width, bitmapSize.height - height, Math.max(1, at.width), height);
    });
  }

  drawFront(target) {
    target.useBitmapCoordinateSpace((scope) => {
      const at = this.place(scope);
      if (!at) return;
      const y = (price) => {
        const coordinate = this.attachedTo.series.priceToCoordinate(price);
        return coordinate === null ? null : coordinate * scope.verticalPixelRatio;
      };
      const x = (time) => at.left + ((time - this.grid.start) / this.grid.column_s) * at.width;
      this.pins.draw(scope, x, y, this.colours);
      this.edge.draw(scope, y, this.light);
    });
  }
}
