// The heatmap under the candles: one bitmap, a pixel a cell, drawn with one call a frame.

import { scale, stepper } from "./colours.js";

const ZONE_WIDTH = 72;

export class Heatmap {
  constructor() {
    this.grid = null;
    this.zones = [];
    this.bitmap = document.createElement("canvas");
    this.cells = new Map();
    this.view = { zOrder: () => "bottom", renderer: () => ({ draw: (target) => this.draw(target) }) };
    this.front = { zOrder: () => "top", renderer: () => ({ draw: (target) => this.drawFront(target) }) };
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

  // side: "both", "long" or "short"
  show(grid, side, light) {
    this.grid = grid;
    this.side = side;
    this.light = light;
    this.rowLog = Math.log1p(grid.row_pct / 100);
    this.cells = new Map(grid.cells.map((cell) => [cell[0] * grid.rows + cell[1], cell]));
    this.repaint();
  }

  clear() {
    this.grid = null;
    this.zones = [];
    this.table = null;
    this.redraw();
  }

  showZones(zones) {
    this.zones = zones;
    this.redraw();
  }

  // A liquidation that has just come in. False when it lies outside of what is shown.
  add(liquidated, price, usd) {
    if (!this.grid) return false;
    const [column, row] = [this.grid.columns - 1, this.rowAt(price)];
    if (row < 0 || row >= this.grid.rows) return false;
    const key = column * this.grid.rows + row;
    const cell = this.cells.get(key) || [column, row, 0, 0, 0];
    cell[liquidated === "long" ? 2 : 3] += Math.round(usd);
    cell[4] += 1;
    this.cells.set(key, cell);
    this.repaint();
    return true;
  }

  rowAt(price) {
    return Math.floor(Math.log(price / this.grid.price_low) / this.rowLog);
  }

  edge(row) {
    return this.grid.price_low * Math.exp(row * this.rowLog);
  }

  cellAt(column, price) {
    return this.cells.get(column * this.grid.rows + this.rowAt(price));
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
    const [low, high] = [this.grid.price_low, this.edge(this.grid.rows)].map((p) => this.attachedTo.series.priceToCoordinate(p));
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
      this.hatch(context, scope, at);
    });
  }

  // Time that was not watched is not empty: it is unknown, and looks so.
  hatch(context, scope, at) {
    const height = scope.bitmapSize.height;
    const step = 7 * scope.verticalPixelRatio;
    context.strokeStyle = this.light ? "rgba(60,70,85,.55)" : "rgba(150,160,175,.5)";
    context.lineWidth = scope.horizontalPixelRatio;
    this.grid.watched.forEach((share, column) => {
      if (share > 0.995) return;
      const left = at.left + column * at.width;
      context.save();
      context.beginPath();
      context.rect(left, 0, at.width + 0.5, height * (1 - share));
      context.clip();
      context.beginPath();
      const from = Math.floor(left / step) * step - height;
      for (let x = from; x < left + at.width + step; x += step) {
        context.moveTo(x, height);
        context.lineTo(x + height, 0);
      }
      context.stroke();
      context.restore();
    });
    context.fillStyle = "#e8590c";
    this.grid.saturated_s.forEach((seconds, column) => {
      if (seconds) context.fillRect(at.left + column * at.width, height - 5 * scope.verticalPixelRatio, Math.max(1, at.width), 5 * scope.verticalPixelRatio);
    });
  }

  drawFront(target) {
    target.useBitmapCoordinateSpace((scope) => {
      if (!this.attachedTo) return;
      const { context, bitmapSize, horizontalPixelRatio, verticalPixelRatio } = scope;
      const width = ZONE_WIDTH * horizontalPixelRatio;
      context.font = `${11 * verticalPixelRatio}px system-ui, sans-serif`;
      for (const zone of this.zones) {
        const [high, low] = [zone.high, zone.low].map((p) => this.attachedTo.series.priceToCoordinate(p));
        if (high === null || low === null) continue;
        const [top, bottom] = [high * verticalPixelRatio, Math.max(low * verticalPixelRatio, high * verticalPixelRatio + 3)];
        context.fillStyle = "rgba(64,196,255,.12)";
        context.fillRect(bitmapSize.width - width, top, width, bottom - top);
        context.strokeStyle = "#40c4ff";
        context.strokeRect(bitmapSize.width - width, top, width, bottom - top);
        context.fillStyle = this.light ? "#14181f" : "#e6e9ee";
        context.fillText(`${zone.liquidated} ${zone.strength.toFixed(2)}`, bitmapSize.width - width + 4, (top + bottom) / 2 + 4 * verticalPixelRatio);
      }
    });
  }
}
