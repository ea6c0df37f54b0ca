// Looking for leaves and nodes by a part of their names.

import { count } from "./arrays.js";
import { button, element, named } from "./elements.js";

const MOST_SHOWN = 12;

export class Search {
  /** `found(leaves)` is told which leaves match, `select(vertex)` which one was chosen. */
  constructor(field, list, tree, { found, select }) {
    Object.assign(this, { field, list, tree, found, select });
    this.folded = null;
    field.addEventListener("input", () => this.look());
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        this.look();
        if (this.matches.length) this.choose(this.matches[0]);
      } else if (event.key === "Escape") {
        field.value = "";
        this.look();
      } else if (event.key === "ArrowDown" && list.querySelector("button")) {
        event.preventDefault();
        list.querySelector("button").focus();
      }
    });
    list.addEventListener("keydown", (event) => this.walk(event));
    field.addEventListener("focus", () => this.look());
    field.parentElement.parentElement.addEventListener("focusout", (event) => {
      if (!list.contains(event.relatedTarget)) list.hidden = true;
    });
    this.matches = [];
  }

  choose(vertex) {
    this.list.hidden = true;
    this.select(vertex);
  }

  /** Names that are equal come first, then leaves, then nodes. */
  look() {
    const { tree } = this;
    const wanted = this.field.value.trim().toLowerCase();
    this.matches = [];
    if (wanted) {
      this.folded ??= [...tree.nodeNames, ...tree.leafNames].map((name) => name.toLowerCase());
      const exact = [];
      const nodes = [];
      for (let vertex = 0; vertex < tree.vertices; vertex++) {
        if (!this.folded[vertex].includes(wanted)) continue;
        if (this.folded[vertex] === wanted) exact.push(vertex);
        else (tree.isLeaf(vertex) ? this.matches : nodes).push(vertex);
      }
      this.matches = exact.concat(this.matches, nodes);
    }
    this.found(this.matches.filter((vertex) => tree.isLeaf(vertex)).map((vertex) => vertex - tree.nodes));
    this.show(wanted);
  }

  show(wanted) {
    const rows = this.matches
      .slice(0, MOST_SHOWN)
      .map((vertex) => element("li", {}, button(named(this.tree.nameOf(vertex)), () => this.choose(vertex))));
    const words = wanted ? `${count(this.matches.length)} found` : "";
    this.list.replaceChildren(element("p", { role: "status" }, words), element("ul", {}, ...rows));
    this.list.hidden = !wanted;
  }

  walk(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...this.list.querySelectorAll("button")];
    const next = buttons.indexOf(document.activeElement) + step;
    (buttons[next] ?? this.field).focus();
  }
}
