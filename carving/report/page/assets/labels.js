// Label columns: what the members of a vertex are, and the colours of vertices and leaves.

import { decode } from "./arrays.js";

export const UNKNOWN = "#9a9a9a";
// what is mixed: bands may be pale, thin lines may not
const PALE_GREY = [201, 205, 211];
const LINE_GREY = [138, 144, 153];
const SHADES = 12;

export class LabelColumn {
  constructor(data) {
    this.name = data.name;
    this.labels = data.labels;
    this.colors = data.colors;
    // one label for each leaf, or, where leaves stand for several samples, all that those have
    this.codes = decode(data.codes);
    this.start = decode(data.start);
    this.counts = decode(data.counts);
    this.majority = decode(data.majority);
    this.most = decode(data.most);
    this.known = decode(data.known);
    this.shades = data.colors.map((color) => shades(color, PALE_GREY));
    this.lineShades = data.colors.map((color) => shades(color, LINE_GREY));
  }

  /** How many samples of a vertex have each label, the most frequent first; unknown labels last. */
  composition(tree, vertex) {
    const totals = new Map();
    const add = (code, number) => totals.set(code, (totals.get(code) ?? 0) + number);
    for (const leaf of tree.membersOf(vertex)) {
      if (this.start === null) add(this.codes[leaf], tree.leafSize[leaf]);
      else
        for (let entry = this.start[leaf]; entry < this.start[leaf + 1]; entry++)
          add(this.codes[entry], this.counts[entry]);
    }
    const rows = [...totals].map(([code, number]) => ({
      label: this.labels[code],
      color: this.colors[code],
      number,
    }));
    return rows.sort(
      (one, other) =>
        Number(one.label === "") - Number(other.label === "") ||
        other.number - one.number ||
        (one.label < other.label ? -1 : 1),
    );
  }

  /** The most frequent label of a vertex. */
  codeOf(tree, vertex) {
    if (!tree.isLeaf(vertex)) return this.majority[vertex];
    const leaf = vertex - tree.nodes;
    return this.start === null ? this.codes[leaf] : this.majority[tree.leafNode[leaf]];
  }

  /** The share of that label among the known ones of a node. */
  shareOf(tree, node) {
    return this.most[node] / Math.max(1, this.known === null ? tree.size[node] : this.known[node]);
  }

  /** Its colour, the greyer the more other labels a node holds. */
  colorOf(tree, vertex, asLine = false) {
    const code = this.codeOf(tree, vertex);
    if (tree.isLeaf(vertex)) return this.colors[code];
    const share = this.shareOf(tree, vertex);
    // half of the samples or fewer say little about what a branch is
    const strength = this.labels[code] === "" ? 0 : Math.max(0, 2 * share - 1) ** 0.6;
    return (asLine ? this.lineShades : this.shades)[code][Math.round(SHADES * strength)];
  }
}

/** From a grey to a colour. */
function shades(color, grey) {
  const full = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  return Array.from({ length: SHADES + 1 }, (_, step) => {
    const parts = full.map((part, at) => grey[at] + ((part - grey[at]) * step) / SHADES);
    return `rgb(${parts.map(Math.round).join(",")})`;
  });
}

/** Colours of groups: that of a node's branch, which its largest child goes on with. */
export class GroupColors {
  constructor(tree, palette) {
    this.branch = tree.branches();
    this.palette = palette;
  }

  colorOf(node) {
    return this.palette[this.branch[node] % this.palette.length];
  }
}

/** Labels as a reader looks for them: by the alphabet, numbers by value, the unknown one last. */
export function byName(one, other) {
  if ((one === "") !== (other === "")) return one === "" ? 1 : -1;
  return one.localeCompare(other, "en", { numeric: true });
}
