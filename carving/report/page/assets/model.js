// What is shown, as one value: whatever changes it asks for a new drawing.

import { count, percent } from "./arrays.js";
import { GroupColors, LabelColumn } from "./labels.js";
import { Window, rowEdges } from "./rows.js";
import { FamilyTree } from "./tree.js";

const ROWS_IN_CLOSEST_VIEW = 8;
const YOUNGER = "#d5d8dd";
const YOUNGER_LINE = "#8a9099";
const TWO_GREYS = ["#4d5157", "#a9aeb5"];

export class Model {
  constructor(data) {
    const tree = new FamilyTree(data);
    this.tree = tree;
    this.columns = data.columns.map((column) => new LabelColumn(column));
    this.column = this.columns[0] ?? null;
    this.groupColors = new GroupColors(tree, data.palette);
    this.collapsed = new Set();
    this.hits = [];
    this.selected = -1;
    // how many guests, who are no leaves, lie in which node; and the nodes of a way through the tree
    this.guests = new Map();
    this.way = [];
    this.asLines = false;
    this.colorByGroup = this.columns.length === 0;
    this.ages = new Window(1 / 200);
    this.rows = new Window(Math.min(1, ROWS_IN_CLOSEST_VIEW / tree.leaves));
    this.arrangeRows(data.rows_by_size);
    this.setAge(data.age);
  }

  setAge(age) {
    const { tree } = this;
    this.age = age;
    this.checkpoint = tree.checkpointOf(age);
    this.group = tree.groupsOfNodes(age);
    this.groups = tree.groupsAt(age);
    const fromTop = this.groups.slice().sort((one, other) => tree.firstRow[one] - tree.firstRow[other]);
    this.turn = new Map(fromTop.map((node, index) => [node, index % 2]));
  }

  arrangeRows(bySize) {
    this.edges = rowEdges(this.tree, this.collapsed, bySize);
  }

  /** Top and bottom of a vertex, 0 … 1. */
  placeOf(vertex) {
    return [this.edges[this.tree.firstRow[vertex]], this.edges[this.tree.endRow[vertex]]];
  }

  colorOf(vertex) {
    const { tree } = this;
    if (!this.colorByGroup) return this.column.colorOf(tree, vertex, this.asLines);
    const group = this.group[tree.isLeaf(vertex) ? tree.parent[vertex] : vertex];
    return group < 0 ? (this.asLines ? YOUNGER_LINE : YOUNGER) : this.groupColors.colorOf(group);
  }

  /** In the strip of groups: their colours, or two greys in turn where colours mean labels. */
  stripColorOf(leaf) {
    const group = this.group[this.tree.leafNode[leaf]];
    return this.colorByGroup ? this.groupColors.colorOf(group) : TWO_GREYS[this.turn.get(group)];
  }

  /** What a group is, in a few characters. */
  caption(node) {
    const size = count(this.tree.size[node]);
    if (!this.column) return size;
    const label = this.column.labels[this.column.majority[node]];
    return label === "" ? size : `${label}: ${percent(this.column.shareOf(this.tree, node))} of ${size}`;
  }

  isDark(color) {
    const { r, g, b } = d3.rgb(color);
    return 0.299 * r + 0.587 * g + 0.114 * b < 140;
  }
}
