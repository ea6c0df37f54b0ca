// What stands round the tree on the canvas: strips of colours, names and words at the right, ages below.

import { count, countOf, cut } from "./arrays.js";
import { BOTTOM, GAP, INK, LEFT, PALE, STRIP, TOP } from "./frame.js";
import { rowAt } from "./rows.js";

const ROW_FOR_NAME = 11;

/** The colour of every leaf by the chosen column, and the groups of the chosen age. */
export function drawStrips(picture) {
  const { context, model } = picture;
  const { tree } = model;
  let x = picture.right + GAP;
  context.fillStyle = "white";
  context.fillRect(picture.right + 1, TOP, picture.width, picture.height);
  if (model.columns.length) {
    drawStrip(picture, x, (leaf) => model.column.colorOf(tree, tree.nodes + leaf));
    x += STRIP + GAP;
  }
  drawStrip(picture, x, (leaf) => model.stripColorOf(leaf));
  drawHits(picture);
  if (model.selected >= tree.nodes) picture.outline(model.selected, 2, INK);
}

/** A column of colours: of every leaf where rows are as tall as pixels, else of one in each pixel. */
function drawStrip(picture, x, color) {
  const { context } = picture;
  let last = null;
  let from = 0;
  eachVisibleRow(picture, (leaf, y) => {
    const next = color(leaf);
    if (next === last) return;
    if (last !== null) paintStrip(picture, last, x, from, y);
    last = next;
    from = y;
  });
  if (last !== null) paintStrip(picture, last, x, from, Math.min(picture.yOf(1), picture.height));
  context.fillStyle = INK;
}

function paintStrip(picture, color, x, top, bottom) {
  picture.context.fillStyle = color;
  picture.context.fillRect(x, top, STRIP, bottom - top);
}

/** Calls visit(leaf, top, bottom) once for each row, or once for each pixel where rows are smaller. */
function eachVisibleRow(picture, visit) {
  const { tree, edges, rows } = picture.model;
  const pixel = rows.width / ((picture.height - TOP - BOTTOM) * picture.ratio);
  for (let row = rowAt(edges, rows.start); row < tree.leaves && edges[row] < rows.end; ) {
    visit(tree.leafOfRow[row], picture.yOf(edges[row]), picture.yOf(edges[row + 1]));
    row = edges[row + 1] - edges[row] >= pixel ? row + 1 : Math.max(row + 1, rowAt(edges, edges[row] + pixel));
  }
}

function drawHits(picture) {
  const { context, model } = picture;
  if (!model.hits.length) return;
  context.fillStyle = "#d00000";
  let last = -1;
  for (const leaf of model.hits) {
    const y = Math.round(picture.yOf(picture.middleOf(model.tree.nodes + leaf)));
    if (y === last || y < 0 || y > picture.height) continue;
    context.fillRect(picture.width - 6, y - 1, 6, 2);
    last = y;
  }
}

/** Names of leaves where there is room for them, else what the groups are. */
export function drawWords(picture) {
  const { context, model } = picture;
  const { tree, edges, rows } = model;
  const x = picture.width - picture.names + 4;
  const most = Math.floor((picture.names - 12) / 6.4);
  const inView = ((picture.height - TOP - BOTTOM) / ROW_FOR_NAME) * 1.5;
  context.fillStyle = INK;
  const first = rowAt(edges, rows.start);
  const last = rowAt(edges, Math.min(rows.end, 1 - 1e-12));
  if (last - first <= inView) {
    eachVisibleRow(picture, (leaf, top, bottom) => {
      if (bottom - top >= ROW_FOR_NAME - 3) writeName(picture, tree.leafNames[leaf], x, (top + bottom) / 2, most);
    });
    return;
  }
  for (const node of model.groups) {
    const top = Math.max(picture.yOf(edges[tree.firstRow[node]]), TOP);
    const bottom = Math.min(picture.yOf(edges[tree.endRow[node]]), picture.height - BOTTOM);
    if (bottom - top >= ROW_FOR_NAME) writeName(picture, model.caption(node), x, (top + bottom) / 2, most);
  }
}

/** Text that is not ours keeps its own direction and cannot turn what is beside it. */
function writeName(picture, text, x, y, most) {
  picture.context.fillText(`\u2068${cut(text, most)}\u2069`, x, y);
}

/** A logarithmic scale of ages, and the line of the chosen one. */
export function drawAges(picture) {
  const { context, model } = picture;
  const y = picture.height - BOTTOM;
  context.strokeStyle = PALE;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(LEFT, y + 0.5);
  context.lineTo(picture.right, y + 0.5);
  context.fillStyle = INK;
  context.textAlign = "center";
  let taken = Infinity;
  for (const age of ageTicks(picture)) {
    const x = picture.xOfLog(Math.log1p(age));
    const text = count(age);
    const half = context.measureText(text).width / 2 + 5;
    if (x < LEFT + half - 8 || x > picture.right + 2 || x + half > taken) continue;
    taken = x - half;
    context.moveTo(x, y);
    context.lineTo(x, y + 4);
    context.fillText(text, Math.min(x, picture.right - half + 12), y + 12);
  }
  context.stroke();
  context.fillText("age: updates in training", LEFT + (picture.right - LEFT) / 2, y + 28);
  context.textAlign = "left";
  drawChosenAge(picture, Math.log1p(model.checkpoint));
}

function ageTicks(picture) {
  const { tree } = picture.model;
  const oldest = tree.ages[0];
  const ticks = [oldest];
  for (let power = 12; power >= 0; power--)
    for (const base of [5, 2, 1]) if (base * 10 ** power < oldest) ticks.push(base * 10 ** power);
  if (picture.low <= 0) ticks.push(0);
  return ticks;
}

function drawChosenAge(picture, logAge) {
  const { context, model } = picture;
  const x = picture.xOfLog(logAge);
  if (x >= -1 && x <= picture.right + 1) {
    context.strokeStyle = INK;
    context.lineWidth = 1.5;
    context.setLineDash([5, 3]);
    context.beginPath();
    context.moveTo(x, TOP - 4);
    context.lineTo(x, picture.height - BOTTOM);
    context.stroke();
    context.setLineDash([]);
  }
  const words = `age ${count(model.checkpoint)}: ${countOf(model.groups.length, "group")}`;
  const width = context.measureText(words).width;
  context.fillStyle = INK;
  context.fillText(words, Math.min(Math.max(x - width / 2, LEFT), picture.right - width), TOP / 2 - 1);
}
