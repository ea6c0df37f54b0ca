// Draws the tree on a canvas: ages from left to right, leaves from top to bottom. Only what is larger than a
// pixel is drawn one by one, so that a frame costs as much as the picture has pixels, not as the tree has leaves.

import { count } from "./arrays.js";
import { BOTTOM, GAP, INK, LEFT, STRIP, TOP } from "./frame.js";
import { drawGuests } from "./guests.js";
import { drawAges, drawStrips, drawWords } from "./margins.js";
import { rowAt } from "./rows.js";

const FONT = "12px system-ui, sans-serif";

export class Picture {
  /** `model` holds what is to be shown: see model.js. */
  constructor(canvas, model) {
    this.canvas = canvas;
    this.model = model;
    this.context = canvas.getContext("2d", { alpha: false });
    const { tree } = model;
    const logs = [Math.log1p(tree.age[tree.root]), Math.log1p(tree.ages[0])];
    // before the root is born nothing happens: a little of that is the trunk
    this.low = logs[0] - Math.max(0.06 * (logs[1] - logs[0]), 0.15);
    this.high = logs[1];
    this.logAge = Float64Array.from(tree.age, Math.log1p);
    this.resize();
  }

  resize() {
    const box = this.canvas.getBoundingClientRect();
    this.ratio = window.devicePixelRatio || 1;
    this.width = Math.max(200, box.width);
    this.height = Math.max(160, box.height);
    this.canvas.width = Math.round(this.width * this.ratio);
    this.canvas.height = Math.round(this.height * this.ratio);
    this.names = this.width < 600 ? 70 : 150;
  }

  // ---- from the tree to pixels and back

  get right() {
    return this.width - this.names - (STRIP + GAP) * (this.model.columns.length ? 2 : 1);
  }

  get inner() {
    return { left: LEFT, top: TOP, width: this.right - LEFT, height: this.height - TOP - BOTTOM };
  }

  xOfLog(logAge) {
    const { ages } = this.model;
    const place = (logAge - this.low) / (this.high - this.low);
    return LEFT + ((place - ages.start) / ages.width) * (this.right - LEFT);
  }

  yOf(place) {
    const { rows } = this.model;
    return TOP + ((place - rows.start) / rows.width) * (this.height - TOP - BOTTOM);
  }

  /** Where the branch of a vertex begins: where its parent is born. */
  startOf(vertex) {
    const { tree } = this.model;
    return vertex === tree.root ? this.low : this.logAge[tree.parent[vertex]];
  }

  placeOfPoint(x, y) {
    const { ages, rows } = this.model;
    const { left, top, width, height } = this.inner;
    return {
      age: ages.start + ((x - left) / width) * ages.width,
      row: rows.start + ((y - top) / height) * rows.width,
    };
  }

  /** The vertex that is drawn at a point, or −1. */
  vertexAt(x, y) {
    const { tree, edges, collapsed } = this.model;
    const place = this.placeOfPoint(x, y);
    if (y < TOP || y > this.height - BOTTOM || place.row < 0 || place.row >= 1) return -1;
    const row = rowAt(edges, place.row);
    const leaf = tree.leafOfRow[row];
    const logAge = this.low + place.age * (this.high - this.low);
    const path = [];
    for (let node = tree.leafNode[leaf]; node >= 0; node = tree.parent[node]) path.push(node);
    // from the root on, the first that is born at that age
    for (let step = path.length - 1; step >= 0; step--)
      if (this.logAge[path[step]] >= logAge || collapsed.has(path[step])) return path[step];
    return tree.nodes + leaf;
  }

  // ---- drawing

  draw() {
    const { context } = this;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.fillStyle = "white";
    context.fillRect(0, 0, this.width, this.height);
    context.font = FONT;
    context.textBaseline = "middle";
    context.save();
    context.beginPath();
    context.rect(0, TOP, this.width, this.height - TOP - BOTTOM);
    context.clip();
    this.drawTree();
    drawGuests(this);
    drawStrips(this);
    drawWords(this);
    context.restore();
    drawAges(this);
  }

  /** Calls draw(vertex, top, bottom) for what is in view; what is smaller than a pixel comes once a pixel. */
  visit(draw) {
    const { tree, edges, collapsed, rows } = this.model;
    const pixel = rows.width / ((this.height - TOP - BOTTOM) * this.ratio);
    let lastRow = -1;
    let lastColumn = -1;
    for (let place = 0; place < tree.vertices; ) {
      const vertex = tree.preorder[place];
      const top = edges[tree.firstRow[vertex]];
      const bottom = edges[tree.endRow[vertex]];
      if (top > rows.end) break;
      if (bottom < rows.start || tree.isLeaf(vertex)) {
        place = tree.afterSubtree[vertex];
      } else if (bottom - top < pixel) {
        const row = Math.floor(top / pixel);
        const column = Math.floor(this.xOfLog(this.startOf(vertex)) * this.ratio);
        if (row !== lastRow || column !== lastColumn) draw(vertex, top, bottom, true);
        lastRow = row;
        lastColumn = column;
        place = tree.afterSubtree[vertex];
      } else {
        const whole = collapsed.has(vertex);
        draw(vertex, top, bottom, whole);
        place = whole ? tree.afterSubtree[vertex] : place + 1;
      }
    }
  }

  /** Whether a branch is in view and reaches over a pixel: of a deep chain most do not. */
  isSeen(x, end) {
    return end >= 0 && x <= this.width && Math.floor(x * this.ratio) !== Math.floor(end * this.ratio);
  }

  drawTree() {
    if (this.model.asLines) {
      this.shadeGroups();
      this.drawLines();
    } else {
      const sizes = this.drawBands();
      this.frameGroups();
      for (const size of sizes) this.writeSize(...size);
    }
    if (this.model.selected >= 0) this.outline(this.model.selected, 2.5, INK);
  }

  /** Gives back where there is room for a number: vertex, begin, end and middle. */
  drawBands() {
    const { context, model } = this;
    const sizes = [];
    const right = this.xOfLog(this.high);
    this.visit((vertex, top, bottom, whole) => {
      const x = this.xOfLog(this.startOf(vertex));
      const end = whole ? right : this.xOfLog(this.logAge[vertex]);
      if (!this.isSeen(x, end)) return;
      const y = this.yOf(top);
      const height = this.yOf(bottom) - y;
      const air = height > 8 ? 1 : height > 3 ? 0.5 : 0;
      context.fillStyle = model.colorOf(vertex);
      context.fillRect(x, y + air / 2, Math.max(end - x, 1), Math.max(height - air, 1 / this.ratio));
      if (whole && model.collapsed.has(vertex)) this.drawFold(vertex, x, y, end, height);
      else if (height >= 15) sizes.push([vertex, x, end, y + height / 2]);
    });
    return sizes;
  }

  writeSize(vertex, x, end, y) {
    const text = count(this.model.tree.size[vertex]);
    const width = 7.5 * text.length + 8;
    const line = this.xOfLog(Math.log1p(this.model.checkpoint));
    let from = Math.max(x, LEFT);
    // not across the dashed line
    if (from < line && from + width > line) from = line;
    if (Math.min(end, this.right) - from < width) return;
    const { context } = this;
    const isPale = from < line && this.youngerIsPale();
    context.fillStyle = !isPale && this.model.isDark(this.model.colorOf(vertex)) ? "white" : INK;
    context.fillText(text, from + 4, y);
  }

  /** A collapsed branch is striped. */
  drawFold(vertex, x, y, end, height) {
    const { context } = this;
    context.save();
    context.beginPath();
    context.rect(x, y, end - x, height);
    context.clip();
    context.strokeStyle = "rgba(255,255,255,0.7)";
    context.lineWidth = 2;
    context.beginPath();
    const from = Math.max(x, 0);
    for (let at = from - height; at < Math.min(end, this.width); at += 9) {
      context.moveTo(at, y + height);
      context.lineTo(at + height, y);
    }
    context.stroke();
    context.restore();
    if (height >= 13) {
      context.fillStyle = INK;
      const words = `${count(this.model.tree.sizeOf(vertex))} collapsed`;
      const width = context.measureText(words).width;
      context.fillStyle = "white";
      context.fillRect(Math.max(x, LEFT) + 2, y + height / 2 - 7, width + 4, 14);
      context.fillStyle = INK;
      context.fillText(words, Math.max(x, LEFT) + 4, y + height / 2);
    }
  }

  /** Where the line of a vertex lies: between its first and its last child. */
  middleOf(vertex) {
    const { tree, edges } = this.model;
    return (edges[tree.firstRow[vertex]] + edges[tree.endRow[vertex]]) / 2;
  }

  drawLines() {
    const { context, model } = this;
    const { tree } = model;
    const right = this.xOfLog(this.high);
    this.visit((vertex, top, bottom, whole) => {
      const x = this.xOfLog(this.startOf(vertex));
      const end = whole ? right : this.xOfLog(this.logAge[vertex]);
      if (!this.isSeen(x, end)) return;
      const y = this.yOf((top + bottom) / 2);
      const thick = Math.min(4, Math.max(1, 0.6 * Math.log2(1 + tree.size[vertex]) - 1));
      context.fillStyle = model.colorOf(vertex);
      context.fillRect(x, y - thick / 2, Math.max(end - x, 1), thick);
      if (whole) {
        const height = this.yOf(bottom) - this.yOf(top);
        if (model.collapsed.has(vertex)) this.drawFold(vertex, (x + end) / 2, this.yOf(top), end, height);
        return;
      }
      const children = tree.childrenOf(vertex);
      if (tree.isLeaf(children[0]) || tree.isLeaf(children[children.length - 1])) {
        context.fillRect(end - 2, this.yOf(top) + 1, 2, Math.max(1, this.yOf(bottom) - this.yOf(top) - 2));
        return;
      }
      const upper = this.yOf(this.middleOf(children[0]));
      const lower = this.yOf(this.middleOf(children[children.length - 1]));
      context.fillRect(end - 1, Math.max(upper, -10), 1.5, Math.min(lower, this.height + 10) - Math.max(upper, -10));
    });
  }

  /** Behind lines every other group of the chosen age is a little darker. */
  shadeGroups() {
    const { context, model } = this;
    const { tree, edges } = model;
    const x = Math.max(0, this.xOfLog(Math.log1p(model.checkpoint)));
    context.fillStyle = "#eef0f2";
    for (const node of model.groups) {
      const y = this.yOf(edges[tree.firstRow[node]]);
      const height = this.yOf(edges[tree.endRow[node]]) - y;
      if (model.turn.get(node) === 1 && height >= 1) context.fillRect(x, y, this.right - x, height);
    }
  }

  /** At the oldest age nothing is older that what is younger could be set off from. */
  youngerIsPale() {
    return this.model.checkpoint < this.model.tree.ages[0];
  }

  /** Bands of the groups of the chosen age have a frame each, and what is younger is paler. */
  frameGroups() {
    const { context, model } = this;
    const x = this.xOfLog(Math.log1p(model.checkpoint));
    if (this.youngerIsPale()) {
      context.fillStyle = "rgba(255,255,255,0.55)";
      context.fillRect(0, TOP, Math.max(0, x), this.height);
    }
    for (const node of model.groups) this.outline(node, 0.8, "rgba(43,43,43,0.75)", x);
  }

  outline(vertex, lineWidth, color, from = this.xOfLog(this.startOf(vertex))) {
    const { context } = this;
    const { tree, edges } = this.model;
    const y = this.yOf(edges[tree.firstRow[vertex]]);
    const end = this.yOf(edges[tree.endRow[vertex]]);
    if (end < 0 || y > this.height || (lineWidth < 1 && end - y < 2)) return;
    const [top, bottom] = [Math.max(y, -5), Math.min(end, this.height + 5)];
    context.strokeStyle = color;
    context.lineWidth = lineWidth;
    const start = Math.max(tree.isLeaf(vertex) ? this.right : from, -5);
    const stop = tree.isLeaf(vertex) ? this.width - 3 : this.right;
    context.strokeRect(start, top + 0.5, stop - start, Math.max(bottom - top - 1, 2));
  }
}
