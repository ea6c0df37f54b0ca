// New samples in the tree: a table of where they fall, and marks in the picture.

import { count, countOf, percent, short } from "./arrays.js";
import { button, element, named, value } from "./elements.js";
import { fromFile, fromText } from "./samples.js";
import { download } from "./tables.js";

const ROWS_AT_FIRST = 20;
const ROWS_AT_ONCE = 200;
// the service takes no more of them for trajectories
const MOST_TOGETHER = 100;

export class Placements {
  /** `page` gives the tree's name, facts and view, and shows trajectories. */
  constructor(find, api, page) {
    Object.assign(this, { find, api, page });
    this.clear();
    find("place-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.place();
    });
    // what was chosen or typed last is what counts
    find("samples").addEventListener("input", () => (find("samples-file").value = ""));
    find("samples-file").addEventListener("change", () => (find("samples").value = ""));
    find("more-placements").addEventListener("click", () => this.showMore());
    find("download-placements").addEventListener("click", () => this.download());
    find("forget").addEventListener("click", () => {
      this.clear();
      find("samples").focus();
    });
  }

  /** Forget all of them: another tree is shown, or none are wanted. */
  clear() {
    const { find, page } = this;
    this.asked = (this.asked ?? 0) + 1;
    this.batch = null;
    this.columns = null;
    this.rows = [];
    find("placements").hidden = true;
    find("forget").hidden = true;
    this.say("");
    page.view?.mark([]);
    page.trajectory?.close();
  }

  /** Another tree is shown. */
  opened(facts) {
    this.clear();
    const isKnown = facts !== null && facts.store !== null;
    this.find("place").disabled = !isKnown;
    if (facts !== null && !isKnown)
      this.say("Samples cannot be placed: the checkpoints that this tree was built from are not in the workspace.");
  }

  say(words, isWrong = false) {
    const status = this.find("place-status");
    status.textContent = words;
    status.classList.toggle("wrong", isWrong);
  }

  async place() {
    const { find, page } = this;
    const [file] = find("samples-file").files;
    const pasted = find("samples").value;
    this.clear();
    const number = this.asked;
    this.say("Placing…");
    find("place").disabled = true;
    try {
      const batch = file ? await fromFile(file) : fromText(pasted);
      const tree = encodeURIComponent(page.facts.name);
      const { columns } = await this.api.post(`trees/${tree}/placements`, batch.body, batch.type);
      if (number !== this.asked) return;
      this.batch = batch;
      this.columns = columns;
      this.show();
    } catch (error) {
      if (number === this.asked) this.say(`Not placed: ${error.message}`, true);
    } finally {
      find("place").disabled = false;
    }
  }

  show() {
    const { find, columns, page } = this;
    const head = ["sample", "state", "joins at age", "distance", "second best", "confidence", "unusual", ""];
    find("placement-table").replaceChildren(
      element("caption", { class: "unseen" }, "Where the samples were placed"),
      element("thead", {}, element("tr", {}, ...head.map((name) => element(name ? "th" : "td", name ? { scope: "col" } : {}, name)))),
      element("tbody"),
    );
    this.showMore();
    find("placements").hidden = false;
    find("forget").hidden = false;
    page.view.mark(columns.node);
    const nodes = new Set(columns.node).size;
    const unconverged = columns.converged.filter((isTrue) => !isTrue).length;
    const parts = [`${countOf(columns.name.length, "sample")} placed in ${countOf(nodes, "state")}`];
    const unusual = columns.outside?.filter((isTrue) => isTrue).length ?? 0;
    if (unusual) parts.push(`${count(unusual)} unusual`);
    if (unconverged) parts.push(`${count(unconverged)} did not converge`);
    this.say(`${parts.join(", ")}.`);
  }

  showMore() {
    const { columns, rows, find } = this;
    const from = rows.length;
    const to = Math.min(from + (from ? ROWS_AT_ONCE : ROWS_AT_FIRST), columns.name.length);
    for (let row = from; row < to; row++) rows.push(this.rowOf(row));
    find("placement-table").querySelector("tbody").append(...rows.slice(from));
    find("more-placements").hidden = to === columns.name.length;
    find("more-placements").textContent = `Show more of ${count(columns.name.length)}`;
    this.chosen(this.page.view.model.selected);
  }

  rowOf(row) {
    const { columns, page } = this;
    const name = columns.name[row];
    const number = (column) => measured(columns[column]?.[row]);
    const node = button(named(columns.node_name[row]), () => page.show(columns.node[row]), { class: "link" });
    const trajectory = button("Trajectory", () => this.trace(row), { class: "link", "aria-label": `Trajectory of ${name}` });
    const [distance, second] = [columns.distance[row], columns.second_distance?.[row]];
    const hasSecond = Number.isFinite(second) && Number.isFinite(distance);
    const confidence = hasSecond ? confidenceOf(distance, second) : null;
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, named(name)),
      element("td", {}, node, columns.converged[row] ? null : " (did not converge)"),
      element("td", {}, value(columns.age[row], count(columns.age[row]))),
      number("distance"),
      number("second_distance"),
      element("td", {}, confidence === null ? "not known" : value(confidence, percent(confidence))),
      unusual(columns.outside?.[row], columns.percentile?.[row]),
      element("td", {}, trajectory),
    );
  }

  /** Rows of samples that lie in the chosen branch stand out. */
  chosen(vertex) {
    const { columns, rows, page } = this;
    if (!columns) return;
    const { tree } = page.view;
    const inside = (node) => vertex >= 0 && tree.place[node] >= tree.place[vertex] && tree.place[node] < tree.afterSubtree[vertex];
    rows.forEach((row, index) => row.classList.toggle("chosen", inside(columns.node[index])));
  }

  trace(row) {
    const { batch, columns, page } = this;
    const alone = batch.single(row);
    const sample = { name: columns.name[row], node: columns.node[row], type: batch.type, body: alone ?? batch.body };
    if (alone === null && columns.name.length > MOST_TOGETHER) sample.body = null;
    page.trajectory.show(sample);
  }

  download() {
    const names = Object.keys(this.columns);
    const rows = this.columns.name.map((_, row) => names.map((name) => this.columns[name][row] ?? ""));
    download("placements.csv", [names, ...rows]);
  }
}

function measured(number) {
  return element("td", {}, Number.isFinite(number) ? value(number, short(number)) : "not known");
}

/** 0 where another state is as near, 1 at the state itself. */
function confidenceOf(distance, second) {
  return second > 0 ? Math.min(1, Math.max(0, 1 - distance / second)) : 0;
}

function unusual(isOutside, percentile) {
  if (typeof isOutside !== "boolean") return element("td", {}, "not known");
  const title = Number.isFinite(percentile) ? `percentile ${short(percentile)} of the training samples` : null;
  return element("td", { class: isOutside ? "unusual" : null, title }, isOutside ? "yes" : "no");
}
