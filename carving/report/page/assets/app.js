// Puts the page together: what is shown is one model, and whatever changes it asks for a new drawing.

import { count, countOf, percent } from "./arrays.js";
import { button, chipOf, element, named } from "./elements.js";
import { glide, neighbour, watchGestures, zoomStep } from "./gestures.js";
import { GroupColors, LabelColumn, byName } from "./labels.js";
import { Panel } from "./panel.js";
import { Picture } from "./picture.js";
import { Window, rowEdges } from "./rows.js";
import { Search } from "./search.js";
import { download, groupRows, memberRows } from "./tables.js";
import { FamilyTree } from "./tree.js";

const MOST_GROUPS = 12;
const MOST_IN_LEGEND = 24;
const ROWS_IN_CLOSEST_VIEW = 8;
const YOUNGER = "#d5d8dd";
const YOUNGER_LINE = "#8a9099";
const TWO_GREYS = ["#4d5157", "#a9aeb5"];

const data = JSON.parse(document.getElementById("data").textContent);
const tree = new FamilyTree(data);
const columns = data.columns.map((column) => new LabelColumn(column));
const find = (id) => document.getElementById(id);

const model = {
  tree,
  columns,
  column: columns[0] ?? null,
  groupColors: new GroupColors(tree, data.palette),
  collapsed: new Set(),
  hits: [],
  selected: -1,
  asLines: false,
  colorByGroup: columns.length === 0,
  ages: new Window(1 / 200),
  rows: new Window(Math.min(1, ROWS_IN_CLOSEST_VIEW / tree.leaves)),
  edges: null,
  age: 0,
  checkpoint: 0,
  groups: [],
  group: null,
  turn: null,

  colorOf(vertex) {
    if (!this.colorByGroup) return this.column.colorOf(tree, vertex, this.asLines);
    const group = this.group[tree.isLeaf(vertex) ? tree.parent[vertex] : vertex];
    return group < 0 ? (this.asLines ? YOUNGER_LINE : YOUNGER) : this.groupColors.colorOf(group);
  },

  /** In the strip of groups: their colours, or two greys in turn where colours mean labels. */
  stripColorOf(leaf) {
    const group = this.group[tree.leafNode[leaf]];
    return this.colorByGroup ? this.groupColors.colorOf(group) : TWO_GREYS[this.turn.get(group)];
  },

  /** What a group is, in a few characters. */
  caption(node) {
    const size = count(tree.size[node]);
    if (!this.column) return size;
    const label = this.column.labels[this.column.majority[node]];
    return label === "" ? size : `${label}: ${percent(this.column.shareOf(tree, node))} of ${size}`;
  },

  isDark(color) {
    const { r, g, b } = d3.rgb(color);
    return 0.299 * r + 0.587 * g + 0.114 * b < 140;
  },
};

const canvas = find("tree");
model.edges = rowEdges(tree, model.collapsed, data.rows_by_size);
setAge(data.age);
const picture = new Picture(canvas, model);
const panel = new Panel(find("panel"), data, tree, columns, {
  select,
  zoomTo,
  toggle,
  download: (vertex) =>
    download(`${fileName(tree.nameOf(vertex))}.csv`, memberRows(tree, columns, data.texts, tree.membersOf(vertex))),
});

let asked = false;
function draw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    picture.draw();
    window.carving.firstDrawn ??= performance.now();
    window.carving.drawn += 1;
  });
}

// ---- age

function setAge(age) {
  model.age = age;
  model.checkpoint = tree.checkpointOf(age);
  model.group = tree.groupsOfNodes(age);
  model.groups = tree.groupsAt(age);
  const fromTop = model.groups.slice().sort((one, other) => tree.firstRow[one] - tree.firstRow[other]);
  model.turn = new Map(fromTop.map((node, index) => [node, index % 2]));
}

function chooseAge(age) {
  setAge(age);
  const index = tree.ages.indexOf(model.checkpoint);
  find("age-slider").value = String(tree.ages.length - 1 - index);
  find("age-slider").setAttribute("aria-valuetext", `age ${age}, ${model.groups.length} groups`);
  if (document.activeElement !== find("age-field")) find("age-field").value = String(age);
  showGroups();
  draw();
}

function showGroups() {
  const place = find("groups");
  const rows = model.groups.slice(0, MOST_GROUPS).map((node) => {
    const chip = model.colorByGroup ? chipOf(model.groupColors.colorOf(node)) : null;
    const name = button(tree.nodeNames[node], () => select(node), { class: "link" });
    const cells = [
      element("th", { scope: "row" }, chip, name),
      element("td", {}, count(tree.size[node])),
    ];
    if (model.column) {
      const label = model.column.labels[model.column.majority[node]];
      const words = label === "" ? "unknown" : named(label);
      cells.push(
        element("td", { class: "words" }, words),
        element("td", {}, label === "" ? "" : percent(model.column.shareOf(tree, node))),
      );
    }
    return element("tr", {}, ...cells);
  });
  const rest = model.groups.length > rows.length ? `; the ${MOST_GROUPS} largest` : "";
  const names = ["group", "samples", ...(model.column ? ["mostly", "share"] : [])];
  place.replaceChildren(
    element("caption", {}, `${countOf(model.groups.length, "group")} at age ${count(model.age)}${rest}`),
    element("thead", {}, element("tr", {}, ...names.map((name) => element("th", { scope: "col" }, name)))),
    element("tbody", {}, ...rows),
  );
}

// ---- choosing and looking

function select(vertex) {
  model.selected = vertex;
  panel.show(vertex, model.collapsed.has(vertex));
  find("spoken").textContent = vertex < 0 ? "" : describe(vertex);
  bringIntoView(vertex);
  draw();
}

/** One sentence for those who cannot see the picture. */
function describe(vertex) {
  const what = tree.isLeaf(vertex) ? "leaf" : "state";
  const parts = [`${what} ${tree.nameOf(vertex)}`, countOf(tree.sizeOf(vertex), "sample")];
  if (!tree.isLeaf(vertex)) {
    parts.push(`age ${count(tree.age[vertex])}`, `${tree.childrenOf(vertex).length} branches`);
    if (model.column) parts.push(model.caption(vertex));
  }
  return parts.join(", ");
}

function placeOf(vertex) {
  return [model.edges[tree.firstRow[vertex]], model.edges[tree.endRow[vertex]]];
}

function bringIntoView(vertex) {
  if (vertex < 0) return;
  const [top, bottom] = placeOf(vertex);
  const { rows } = model;
  if (bottom > rows.start && top < rows.end && bottom - top > rows.width / 400) return;
  const half = Math.max(rows.width / 2, (bottom - top) * 2);
  const width = bottom - top > rows.width / 400 ? half : Math.max((bottom - top) * 15, rows.narrowest / 2);
  const middle = (top + bottom) / 2;
  glide(model, [model.ages.start, model.ages.end], [middle - width, middle + width], draw);
}

function zoomTo(vertex) {
  const [top, bottom] = placeOf(vertex);
  const air = (bottom - top) * 0.04;
  const range = picture.high - picture.low;
  const start = vertex === tree.root ? 0 : (picture.startOf(vertex) - picture.low) / range;
  glide(model, [Math.max(0, start - 0.05), 1], [top - air, bottom + air], draw);
}

function toggle(vertex) {
  if (tree.isLeaf(vertex)) return;
  if (!model.collapsed.delete(vertex)) model.collapsed.add(vertex);
  arrangeRows();
  select(vertex);
}

function arrangeRows() {
  model.edges = rowEdges(tree, model.collapsed, find("rows-by-size")?.checked ?? false);
  draw();
}

function showAll() {
  glide(model, [0, 1], [0, 1], draw);
}

function fileName(name) {
  // a name for the file system, which the names of samples need not be; the content is never altered
  return name.replace(/[^\p{L}\p{N}._-]+/gu, "_").slice(0, 80) || "members";
}

// ---- controls

function fillColors() {
  const choice = find("color-by");
  columns.forEach((column, index) => choice.append(element("option", { value: String(index) }, column.name)));
  choice.append(element("option", { value: "groups" }, "groups at the chosen age"));
  choice.value = columns.length ? "0" : "groups";
  choice.addEventListener("change", () => {
    model.colorByGroup = choice.value === "groups";
    if (!model.colorByGroup) model.column = columns[Number(choice.value)];
    showLegend();
    showGroups();
    draw();
  });
}

function showLegend() {
  const legend = find("legend");
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

function connectAge() {
  const slider = find("age-slider");
  slider.max = String(tree.ages.length - 1);
  slider.addEventListener("input", () => chooseAge(tree.ages[tree.ages.length - 1 - Number(slider.value)]));
  const field = find("age-field");
  field.min = String(tree.ages[tree.ages.length - 1]);
  field.max = String(tree.ages[0]);
  field.addEventListener("input", () => {
    const age = Number(field.value);
    const fits = field.value !== "" && Number.isInteger(age) && age >= Number(field.min) && age <= Number(field.max);
    field.setAttribute("aria-invalid", String(!fits));
    if (fits) chooseAge(age);
  });
  field.addEventListener("blur", () => {
    field.value = String(model.age);
    field.setAttribute("aria-invalid", "false");
  });
  find("download-groups").addEventListener("click", () => download(`groups-${model.age}.csv`, groupRows(tree, model.age)));
}

function connectButtons() {
  find("zoom-in").addEventListener("click", () => zoomStep(model, true, draw));
  find("zoom-out").addEventListener("click", () => zoomStep(model, false, draw));
  find("show-all").addEventListener("click", showAll);
  find("expand-all").addEventListener("click", () => {
    model.collapsed.clear();
    arrangeRows();
    if (model.selected >= 0) panel.show(model.selected, false);
  });
  find("as-lines").addEventListener("change", (event) => {
    model.asLines = event.target.checked;
    draw();
  });
  const bySize = find("rows-by-size");
  if (tree.leafSize.some((size) => size !== 1)) {
    bySize.checked = data.rows_by_size;
    bySize.addEventListener("change", arrangeRows);
  } else {
    bySize.closest("label").remove();
  }
}

function connectCanvas() {
  watchGestures(canvas, model, picture, draw);
  canvas.addEventListener("click", (event) => {
    const vertex = picture.vertexAt(event.offsetX, event.offsetY);
    if (vertex >= 0) select(vertex);
  });
  canvas.addEventListener("dblclick", (event) => {
    const vertex = picture.vertexAt(event.offsetX, event.offsetY);
    if (vertex >= 0) zoomTo(vertex);
  });
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !onKey(event.key)) return;
    event.preventDefault();
  });
  new ResizeObserver(() => {
    picture.resize();
    draw();
  }).observe(canvas);
}

function onKey(key) {
  if (key.startsWith("Arrow")) select(neighbour(tree, model.selected, key, model.collapsed));
  else if (key === "+" || key === "=") zoomStep(model, true, draw);
  else if (key === "-") zoomStep(model, false, draw);
  else if (key === "0") showAll();
  else if (key === "Home") select(tree.root);
  else if (key === "Escape") select(-1);
  else if (key === "Enter" && model.selected >= 0) zoomTo(model.selected);
  else if (key === " " && model.selected >= 0) toggle(model.selected);
  else return false;
  return true;
}

fillColors();
showLegend();
connectAge();
connectButtons();
connectCanvas();
new Search(find("search"), find("found"), tree, {
  found(leaves) {
    model.hits = leaves;
    draw();
  },
  select,
});
panel.show(-1, false);
chooseAge(data.age);
// for those who want to ask the page from its console
window.carving = { tree, columns, model, picture, select, chooseAge, drawn: 0, firstDrawn: null };
