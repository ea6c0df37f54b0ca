// A tree that can be looked at: fills the elements of tree_view.html, wherever they stand, with a tree.

import { count, countOf, percent } from "./arrays.js";
import { button, chipOf, element, named } from "./elements.js";
import { glide, neighbour, stopGliding, watchGestures, zoomStep } from "./gestures.js";
import { byName } from "./labels.js";
import { Model } from "./model.js";
import { Panel } from "./panel.js";
import { Picture } from "./picture.js";
import { Search } from "./search.js";
import { download, groupRows, memberRows } from "./tables.js";

const MOST_GROUPS = 12;
const MOST_IN_LEGEND = 24;

/**
 * Show a tree in a place that holds the elements of tree_view.html, fresh ones for each tree.
 *
 * `data` is what page_data gives; `onSelect(vertex)` is told what was chosen, −1 for nothing.
 */
export function openTree(place, data, { onSelect = () => {} } = {}) {
  return new TreeView(place, data, onSelect);
}

class TreeView {
  constructor(place, data, onSelect) {
    this.place = place;
    this.data = data;
    this.onSelect = onSelect;
    this.model = new Model(data);
    this.tree = this.model.tree;
    this.columns = this.model.columns;
    this.asked = false;
    this.drawn = 0;
    this.firstDrawn = null;
    this.draw = this.draw.bind(this);
    this.canvas = this.find("tree");
    this.picture = new Picture(this.canvas, this.model);
    this.panel = new Panel(this.find("panel"), data, this.tree, this.columns, {
      select: (vertex) => this.select(vertex),
      zoomTo: (vertex) => this.zoomTo(vertex),
      toggle: (vertex) => this.toggle(vertex),
      download: (vertex) => this.downloadMembers(vertex),
    });
    this.canvas.setAttribute("aria-label", `Tree of ${countOf(this.tree.leaves, "leaf", "leaves")}`);
    this.find("leaves-are-states").hidden = !data.rows_by_size;
    this.fillColors();
    this.showLegend();
    this.connectAge();
    this.connectButtons();
    this.connectCanvas();
    new Search(this.find("search"), this.find("found"), this.tree, {
      found: (leaves) => {
        this.model.hits = leaves;
        this.draw();
      },
      select: (vertex) => this.select(vertex),
    });
    this.panel.show(-1, false);
    this.chooseAge(data.age);
  }

  /** Let go of what would go on after the elements are gone. */
  destroy() {
    this.sizes.disconnect();
    stopGliding();
    this.asked = true;
  }

  find(id) {
    return this.place.querySelector(`#${id}`);
  }

  draw() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      if (!this.canvas.isConnected) return;
      this.asked = false;
      this.picture.draw();
      this.firstDrawn ??= performance.now();
      this.drawn += 1;
    });
  }

  // ---- guests: samples that are no leaves of the tree

  /** Mark the nodes that other samples fall into: one number for each of them. */
  mark(nodes) {
    const { guests } = this.model;
    guests.clear();
    for (const node of nodes) guests.set(node, (guests.get(node) ?? 0) + 1);
    this.draw();
  }

  /** Draw the way from a node to the root; from −1 none. */
  trace(node) {
    this.model.way = [];
    for (let at = node; at >= 0; at = this.tree.parent[at]) this.model.way.push(at);
    this.draw();
  }

  // ---- age

  chooseAge(age) {
    const { model, tree } = this;
    model.setAge(age);
    const index = tree.ages.indexOf(model.checkpoint);
    const [slider, field] = [this.find("age-slider"), this.find("age-field")];
    slider.value = String(tree.ages.length - 1 - index);
    slider.setAttribute("aria-valuetext", `age ${age}, ${model.groups.length} groups`);
    if (document.activeElement !== field) field.value = String(age);
    this.showGroups();
    this.draw();
  }

  showGroups() {
    const { model } = this;
    const rows = model.groups.slice(0, MOST_GROUPS).map((node) => this.rowOfGroup(node));
    const rest = model.groups.length > rows.length ? `; the ${MOST_GROUPS} largest` : "";
    const names = ["group", "samples", ...(model.column ? ["mostly", "share"] : [])];
    this.find("groups").replaceChildren(
      element("caption", {}, `${countOf(model.groups.length, "group")} at age ${count(model.age)}${rest}`),
      element("thead", {}, element("tr", {}, ...names.map((name) => element("th", { scope: "col" }, name)))),
      element("tbody", {}, ...rows),
    );
  }

  rowOfGroup(node) {
    const { model, tree } = this;
    const chip = model.colorByGroup ? chipOf(model.groupColors.colorOf(node)) : null;
    const name = button(tree.nodeNames[node], () => this.select(node), { class: "link" });
    const cells = [element("th", { scope: "row" }, chip, name), element("td", {}, count(tree.size[node]))];
    if (model.column) {
      const label = model.column.labels[model.column.majority[node]];
      const words = label === "" ? "unknown" : named(label);
      cells.push(
        element("td", { class: "words" }, words),
        element("td", {}, label === "" ? "" : percent(model.column.shareOf(tree, node))),
      );
    }
    return element("tr", {}, ...cells);
  }

  // ---- choosing and looking

  select(vertex) {
    this.model.selected = vertex;
    this.panel.show(vertex, this.model.collapsed.has(vertex));
    this.find("spoken").textContent = vertex < 0 ? "" : this.describe(vertex);
    this.bringIntoView(vertex);
    this.draw();
    this.onSelect(vertex);
  }

  /** One sentence for those who cannot see the picture. */
  describe(vertex) {
    const { model, tree } = this;
    const what = tree.isLeaf(vertex) ? "leaf" : "state";
    const parts = [`${what} ${tree.nameOf(vertex)}`, countOf(tree.sizeOf(vertex), "sample")];
    if (!tree.isLeaf(vertex)) {
      parts.push(`age ${count(tree.age[vertex])}`, `${tree.childrenOf(vertex).length} branches`);
      if (model.column) parts.push(model.caption(vertex));
    }
    return parts.join(", ");
  }

  bringIntoView(vertex) {
    if (vertex < 0) return;
    const [top, bottom] = this.model.placeOf(vertex);
    const { ages, rows } = this.model;
    if (bottom > rows.start && top < rows.end && bottom - top > rows.width / 400) return;
    const half = Math.max(rows.width / 2, (bottom - top) * 2);
    const width = bottom - top > rows.width / 400 ? half : Math.max((bottom - top) * 15, rows.narrowest / 2);
    const middle = (top + bottom) / 2;
    glide(this.model, [ages.start, ages.end], [middle - width, middle + width], this.draw);
  }

  zoomTo(vertex) {
    const { model, picture, tree } = this;
    const [top, bottom] = model.placeOf(vertex);
    const air = (bottom - top) * 0.04;
    const range = picture.high - picture.low;
    const start = vertex === tree.root ? 0 : (picture.startOf(vertex) - picture.low) / range;
    glide(model, [Math.max(0, start - 0.05), 1], [top - air, bottom + air], this.draw);
  }

  toggle(vertex) {
    if (this.tree.isLeaf(vertex)) return;
    const { collapsed } = this.model;
    if (!collapsed.delete(vertex)) collapsed.add(vertex);
    this.arrangeRows();
    this.select(vertex);
  }

  arrangeRows() {
    this.model.arrangeRows(this.find("rows-by-size")?.checked ?? false);
    this.draw();
  }

  showAll() {
    glide(this.model, [0, 1], [0, 1], this.draw);
  }

  downloadMembers(vertex) {
    const { tree } = this;
    // a name for the file system, which the names of samples need not be; the content is never altered
    const name = tree.nameOf(vertex).replace(/[^\p{L}\p{N}._-]+/gu, "_").slice(0, 80) || "members";
    download(`${name}.csv`, memberRows(tree, this.columns, this.data.texts, tree.membersOf(vertex)));
  }

  // ---- controls

  fillColors() {
    const { columns, model } = this;
    const choice = this.find("color-by");
    columns.forEach((column, index) => choice.append(element("option", { value: String(index) }, column.name)));
    choice.append(element("option", { value: "groups" }, "groups at the chosen age"));
    choice.value = columns.length ? "0" : "groups";
    choice.addEventListener("change", () => {
      model.colorByGroup = choice.value === "groups";
      if (!model.colorByGroup) model.column = columns[Number(choice.value)];
      this.showLegend();
      this.showGroups();
      this.draw();
    });
  }

  showLegend() {
    const { model, tree } = this;
    const legend = this.find("legend");
    if (!model.column) {
      legend.replaceChildren();
      return;
    }
    const rows = model.column.composition(tree, tree.root);
    const largest = rows.slice(0, MOST_IN_LEGEND).sort((one, other) => byName(one.label, other.label));
    const shown = largest.map((row) => {
      return element("li", {}, chipOf(row.color), row.label === "" ? "unknown" : named(row.label));
    });
    const more = rows.length - shown.length;
    if (more) shown.push(element("li", {}, `and ${count(more)} more`));
    legend.replaceChildren(...shown);
  }

  connectAge() {
    const { tree } = this;
    const [slider, field] = [this.find("age-slider"), this.find("age-field")];
    slider.max = String(tree.ages.length - 1);
    slider.addEventListener("input", () => this.chooseAge(tree.ages[tree.ages.length - 1 - Number(slider.value)]));
    field.min = String(tree.ages[tree.ages.length - 1]);
    field.max = String(tree.ages[0]);
    field.addEventListener("input", () => {
      const age = Number(field.value);
      const fits = field.value !== "" && Number.isInteger(age) && age >= Number(field.min) && age <= Number(field.max);
      field.setAttribute("aria-invalid", String(!fits));
      if (fits) this.chooseAge(age);
    });
    field.addEventListener("blur", () => {
      field.value = String(this.model.age);
      field.setAttribute("aria-invalid", "false");
    });
    this.find("download-groups").addEventListener("click", () => {
      download(`groups-${this.model.age}.csv`, groupRows(tree, this.model.age));
    });
  }

  connectButtons() {
    const { model, tree } = this;
    this.find("zoom-in").addEventListener("click", () => zoomStep(model, true, this.draw));
    this.find("zoom-out").addEventListener("click", () => zoomStep(model, false, this.draw));
    this.find("show-all").addEventListener("click", () => this.showAll());
    this.find("expand-all").addEventListener("click", () => {
      model.collapsed.clear();
      this.arrangeRows();
      if (model.selected >= 0) this.panel.show(model.selected, false);
    });
    this.find("as-lines").addEventListener("change", (event) => {
      model.asLines = event.target.checked;
      this.draw();
    });
    const bySize = this.find("rows-by-size");
    if (tree.leafSize.some((size) => size !== 1)) {
      bySize.checked = this.data.rows_by_size;
      bySize.addEventListener("change", () => this.arrangeRows());
    } else {
      bySize.closest("label").remove();
    }
  }

  connectCanvas() {
    const { canvas, model, picture } = this;
    watchGestures(canvas, model, picture, this.draw);
    canvas.addEventListener("click", (event) => {
      const vertex = picture.vertexAt(event.offsetX, event.offsetY);
      if (vertex >= 0) this.select(vertex);
    });
    canvas.addEventListener("dblclick", (event) => {
      const vertex = picture.vertexAt(event.offsetX, event.offsetY);
      if (vertex >= 0) this.zoomTo(vertex);
    });
    canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !this.onKey(event.key)) return;
      event.preventDefault();
    });
    this.sizes = new ResizeObserver(() => {
      picture.resize();
      this.draw();
    });
    this.sizes.observe(canvas);
  }

  onKey(key) {
    const { model, tree } = this;
    if (key.startsWith("Arrow")) this.select(neighbour(tree, model.selected, key, model.collapsed));
    else if (key === "+" || key === "=") zoomStep(model, true, this.draw);
    else if (key === "-") zoomStep(model, false, this.draw);
    else if (key === "0") this.showAll();
    else if (key === "Home") this.select(tree.root);
    else if (key === "Escape") this.select(-1);
    else if (key === "Enter" && model.selected >= 0) this.zoomTo(model.selected);
    else if (key === " " && model.selected >= 0) this.toggle(model.selected);
    else return false;
    return true;
  }
}
