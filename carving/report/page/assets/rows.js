// Where rows lie from top (0) to bottom (1), and which part of that and of the ages is in view.

/** Edges of the rows of leaves, 0 … 1; leaves below a collapsed node share a little of the height. */
export function rowEdges(tree, collapsed, bySize) {
  const weight = Float64Array.from(tree.leafOfRow, (leaf) => (bySize ? tree.leafSize[leaf] : 1));
  for (let place = 0; place < tree.vertices; ) {
    const vertex = tree.preorder[place];
    if (!collapsed.has(vertex)) {
      place += 1;
      continue;
    }
    const [from, to] = [tree.firstRow[vertex], tree.endRow[vertex]];
    let whole = 0;
    for (let row = from; row < to; row++) whole += weight[row];
    for (let row = from; row < to; row++) weight[row] *= Math.sqrt(whole) / whole;
    place = tree.afterSubtree[vertex];
  }
  const edges = new Float64Array(tree.leaves + 1);
  for (let row = 0; row < tree.leaves; row++) edges[row + 1] = edges[row] + weight[row];
  return edges.map((edge) => edge / edges[tree.leaves]);
}

/** The row that holds a place between 0 and 1. */
export function rowAt(edges, place) {
  let [low, high] = [0, edges.length - 2];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edges[middle + 1] <= place) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A part of 0 … 1 that is looked at: scaled and moved, never beyond the ends. */
export class Window {
  constructor(narrowest) {
    this.narrowest = narrowest;
    this.show(0, 1);
  }

  get width() {
    return this.end - this.start;
  }

  show(start, end) {
    const width = Math.min(1, Math.max(this.narrowest, end - start));
    const middle = (start + end) / 2;
    this.start = Math.min(1 - width, Math.max(0, middle - width / 2));
    this.end = this.start + width;
  }

  /** Magnify about a place that stays where it is. */
  scale(factor, about) {
    const width = Math.min(1, Math.max(this.narrowest, this.width / factor));
    const start = about - ((about - this.start) * width) / this.width;
    this.show(start, start + width);
  }

  move(by) {
    const start = Math.min(1 - this.width, Math.max(0, this.start + by));
    this.end = start + this.width;
    this.start = start;
  }
}
