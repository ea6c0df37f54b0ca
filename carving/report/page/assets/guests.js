// Samples that are no leaves of the tree: marks on the nodes that they fall into, and the way of one of them.

import { count } from "./arrays.js";
import { INK, TOP } from "./frame.js";

const GUEST = "#cc3311";
const RADIUS = 8;
// in a band that is so tall, a way passes below the number of its samples
const TALL = 40;

export function drawGuests(picture) {
  drawWay(picture);
  const { context, model } = picture;
  context.textAlign = "center";
  for (const [node, number] of model.guests) {
    const [x, y] = [picture.xOfLog(picture.logAge[node]) - RADIUS - 3, lineOf(picture, node)];
    if (y < TOP || y > picture.height || x < 0) continue;
    const words = count(number);
    const half = Math.max(RADIUS, context.measureText(words).width / 2 + 5);
    context.beginPath();
    context.roundRect(x - half, y - RADIUS, 2 * half, 2 * RADIUS, RADIUS);
    context.fillStyle = GUEST;
    context.fill();
    context.lineWidth = 1.5;
    context.strokeStyle = "white";
    context.stroke();
    context.fillStyle = "white";
    context.fillText(words, x, y + 0.5);
  }
  context.textAlign = "left";
}

/** The height at which a way and marks lie in a branch. */
function lineOf(picture, node) {
  const { asLines, edges, tree } = picture.model;
  const height = picture.yOf(edges[tree.endRow[node]]) - picture.yOf(edges[tree.firstRow[node]]);
  return picture.yOf(picture.middleOf(node)) + (!asLines && height > TALL ? 14 : 0);
}

/** A dark line with a light edge can be seen on every colour. */
function drawWay(picture) {
  const { context, model } = picture;
  if (!model.way.length) return;
  context.beginPath();
  model.way.forEach((node, step) => {
    const y = lineOf(picture, node);
    const [from, to] = [picture.xOfLog(picture.logAge[node]), picture.xOfLog(picture.startOf(node))];
    if (step === 0) context.moveTo(from, y);
    else context.lineTo(from, y);
    context.lineTo(to, y);
  });
  context.lineJoin = "round";
  for (const [width, color] of [[6, "white"], [3.5, INK], [2, GUEST]]) {
    context.lineWidth = width;
    context.strokeStyle = color;
    context.stroke();
  }
  context.lineJoin = "miter";
}
