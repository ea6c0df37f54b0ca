// What is known of the selected node or leaf.

import { count, decode, percent, short } from "./arrays.js";
import { button, chipOf, element, named, value } from "./elements.js";

const MOST_LABELS = 12;

export class Panel {
  /** `actions` are what the buttons do: select, zoomTo, toggle, download. */
  constructor(place, data, tree, columns, actions) {
    this.place = place;
    this.tree = tree;
    this.columns = columns;
    this.actions = actions;
    this.texts = data.texts;
    this.sites = data.sites && new Sites(data.sites);
    this.images = data.images && new Images(data.images, tree);
  }

  show(vertex, collapsed) {
    const { tree } = this;
    if (vertex < 0) {
      this.place.replaceChildren(
        element("p", { class: "hint" }, "Choose a branch: click it, or use the arrow keys on the tree."),
      );
      return;
    }
    const leaf = tree.isLeaf(vertex);
    this.place.replaceChildren(
      element("h3", {}, leaf ? "Sample " : "State ", named(tree.nameOf(vertex))),
      this.buttons(vertex, collapsed),
      ...(this.images ? [this.images.picture(leaf ? tree.parent[vertex] : vertex)] : []),
      leaf ? this.factsOfLeaf(vertex) : this.factsOfNode(vertex),
      ...this.columns.map((column) => this.composition(column, vertex)),
      ...(leaf || !this.sites ? [] : [this.sites.table(tree, vertex, this.images)]),
    );
  }

  buttons(vertex, collapsed) {
    const { tree, actions } = this;
    const inner = !tree.isLeaf(vertex);
    return element(
      "p",
      { class: "buttons" },
      vertex === tree.root ? null : button("Parent", () => actions.select(tree.parent[vertex])),
      button("Zoom to it", () => actions.zoomTo(vertex)),
      inner
        ? button(collapsed ? "Expand" : "Collapse", () => actions.toggle(vertex), { "aria-pressed": String(collapsed) })
        : null,
      button("Members as CSV", () => actions.download(vertex), { id: "download-members" }),
    );
  }

  factsOfNode(node) {
    const { tree } = this;
    const added = tree.hasAddedRoot && node === tree.root;
    const facts = [
      ["Samples", value(tree.size[node], count(tree.size[node]))],
      ["One group up to age", value(tree.age[node], count(tree.age[node]))],
    ];
    if (node !== tree.root) {
      const above = tree.age[tree.parent[node]];
      facts.push(["Merges at age", value(above, count(above))]);
    }
    if (tree.birthAge && Number.isFinite(tree.birthAge[node]))
      facts.push(["Parts at age, located", value(tree.birthAge[node], short(tree.birthAge[node]))]);
    if (added) {
      facts.push(["State", "none: this root joins groups that were left at the youngest age"]);
    } else {
      facts.push(
        ["Free energy Γ", value(tree.freeEnergy[node], short(tree.freeEnergy[node]))],
        ["Error", value(tree.error[node], short(tree.error[node]))],
        ["Converged", tree.flags[node] & 1 ? "yes" : "no"],
        ["Stable", tree.flags[node] & 2 ? "yes" : "no"],
      );
    }
    if (tree.support && Number.isFinite(tree.support[node]))
      facts.push(["Support", value(tree.support[node], percent(tree.support[node]))]);
    if (tree.typical) {
      const typical = tree.nodes + tree.typical[node];
      facts.push([
        "Typical sample",
        button(named(tree.nameOf(typical)), () => this.actions.select(typical), { class: "link" }),
      ]);
    }
    return factList(facts);
  }

  factsOfLeaf(vertex) {
    const { tree } = this;
    const leaf = vertex - tree.nodes;
    const state = tree.leafNode[leaf];
    const facts = [
      ["State", button(named(tree.nodeNames[state]), () => this.actions.select(state), { class: "link" })],
      ["Distance to it", value(tree.leafDistance[leaf], short(tree.leafDistance[leaf]))],
      ["Error", value(tree.leafError[leaf], short(tree.leafError[leaf]))],
    ];
    if (tree.leafSize[leaf] !== 1) facts.unshift(["Samples", value(tree.leafSize[leaf], count(tree.leafSize[leaf]))]);
    for (const column of this.texts)
      if (column.values[leaf] !== "") facts.push([named(column.name), named(column.values[leaf])]);
    return factList(facts);
  }

  composition(column, vertex) {
    const rows = column.composition(this.tree, vertex);
    const whole = rows.reduce((sum, row) => sum + row.number, 0);
    const shown = rows.slice(0, MOST_LABELS);
    const rest = rows.slice(MOST_LABELS).reduce((sum, row) => sum + row.number, 0);
    if (rest) shown.push({ label: `${count(rows.length - MOST_LABELS)} more`, color: "#9a9a9a", number: rest });
    const bar = element("span", { class: "bar", "aria-hidden": "true" });
    for (const row of shown) {
      const piece = element("span");
      piece.style.flexGrow = row.number;
      piece.style.background = row.color;
      bar.append(piece);
    }
    const lines = shown.map((row) => {
      return element(
        "tr",
        {},
        element("th", { scope: "row" }, chipOf(row.color), row.label === "" ? "unknown" : named(row.label)),
        element("td", {}, value(row.number, count(row.number))),
        element("td", {}, percent(row.number / whole)),
      );
    });
    return element(
      "section",
      { class: "composition" },
      element("h4", {}, named(column.name)),
      bar,
      element("table", {}, element("tbody", {}, ...lines)),
    );
  }
}

function factList(facts) {
  const rows = facts.map(([name, content]) => element("div", {}, element("dt", {}, name), element("dd", {}, content)));
  return element("dl", { class: "facts" }, ...rows);
}

/** Sites whose magnetisations differ most between the two largest children of a node. */
class Sites {
  constructor(data) {
    this.names = data.names;
    this.letters = data.letters;
    this.rows = data.rows;
    this.row = new Map(Array.from(decode(data.node), (node, row) => [node, row]));
    this.children = decode(data.children);
    this.site = decode(data.site);
    this.state = decode(data.state);
    this.magnetisation = decode(data.magnetisation);
  }

  table(tree, node, images) {
    const row = this.row.get(node);
    if (row === undefined) return element("p", { class: "hint" }, this.why(tree, node));
    const [one, other] = [this.children[2 * row], this.children[2 * row + 1]];
    const lines = [];
    for (let entry = row * this.rows; entry < (row + 1) * this.rows; entry++) {
      if (this.site[entry] < 0) break;
      const state = this.state ? ` ${this.letters ? this.letters[this.state[entry]] : `state ${this.state[entry]}`}` : "";
      lines.push(
        element(
          "tr",
          {},
          element("th", { scope: "row" }, named(this.names[this.site[entry]] ?? `site ${this.site[entry]}`), state),
          element("td", {}, this.magnetisation[2 * entry].toFixed(2)),
          element("td", {}, this.magnetisation[2 * entry + 1].toFixed(2)),
        ),
      );
    }
    const head = element(
      "tr",
      {},
      element("th", { scope: "col" }, "site"),
      element("th", { scope: "col" }, named(tree.nodeNames[one])),
      element("th", { scope: "col" }, named(tree.nodeNames[other])),
    );
    return element(
      "section",
      { class: "sites" },
      element("h4", {}, "Most distinguishing sites of its two largest branches"),
      images ? element("p", { class: "pair" }, images.picture(one), images.picture(other)) : null,
      element("table", {}, element("thead", {}, head), element("tbody", {}, ...lines)),
    );
  }

  why(tree, node) {
    let nodes = 0;
    for (const child of tree.childrenOf(node)) nodes += Number(!tree.isLeaf(child));
    return nodes < 2
      ? "No branches part here."
      : "Distinguishing sites are listed for the largest splits only; carving.statistics.distinguishing_sites has all.";
  }
}

/** States as images, cut out of one picture that holds all of them. */
class Images {
  constructor(data, tree) {
    this.tree = tree;
    [this.height, this.width] = data.shape;
    this.across = data.across;
    this.tile = new Map(Array.from(decode(data.node), (node, tile) => [node, tile]));
    this.sheet = new Image();
    this.loaded = new Promise((resolve) => this.sheet.addEventListener("load", resolve, { once: true }));
    this.sheet.src = data.source;
  }

  picture(node) {
    const tile = this.tile.get(node);
    if (tile === undefined) return element("span", { class: "hint" }, "Images are kept for the largest states only.");
    const { width, height } = this;
    const words = `state ${this.tree.nodeNames[node]} as an image`;
    const canvas = element("canvas", { width, height, class: "state", role: "img", "aria-label": words });
    canvas.style.aspectRatio = `${width} / ${height}`;
    const at = [(tile % this.across) * width, Math.floor(tile / this.across) * height];
    this.loaded.then(() =>
      canvas.getContext("2d").drawImage(this.sheet, ...at, width, height, 0, 0, width, height),
    );
    return canvas;
  }
}
