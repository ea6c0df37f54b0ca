// One sample through the ages: its way through the tree, Γ and how far its fixed point moves.

import { count, countOf, short } from "./arrays.js";
import { ageChart } from "./chart.js";
import { button, element, named, value } from "./elements.js";
import { download } from "./tables.js";

export class Trajectory {
  constructor(find, api, page) {
    Object.assign(this, { find, api, page });
    this.asked = 0;
  }

  close() {
    this.asked += 1;
    this.find("trajectory-part").hidden = true;
    this.page.view?.trace(-1);
  }

  /** `sample`: its name, its node, and the body that holds it, null where that is too large. */
  async show(sample) {
    const { find, page } = this;
    const number = ++this.asked;
    find("trajectory-heading").replaceChildren("Trajectory of ", named(sample.name));
    find("trajectory").replaceChildren();
    find("trajectory-part").hidden = false;
    find("trajectory-heading").focus();
    page.view.trace(sample.node);
    this.say("Following it through the ages…");
    try {
      const table = await this.rowsOf(sample);
      if (number !== this.asked) return;
      this.say("");
      find("trajectory").append(...this.parts(sample, table));
    } catch (error) {
      if (number === this.asked) this.say(`Not followed: ${error.message}`, true);
    }
  }

  say(words, isWrong = false) {
    const status = this.find("trajectory-status");
    status.textContent = words;
    status.classList.toggle("wrong", isWrong);
  }

  async rowsOf({ name, body, type }) {
    if (body === null) throw new Error("of .npz files, at most 100 samples at once can be followed; choose a smaller one");
    const { store, order, tolerance } = this.page.facts;
    const settings = new URLSearchParams(order ? { order, tolerance } : {});
    const { columns } = await this.api.post(`stores/${encodeURIComponent(store)}/trajectories?${settings}`, body, type);
    const rows = columns.age.map((age, row) => ({
      age,
      freeEnergy: columns.free_energy[row],
      moved: columns.moved[row],
      error: columns.error[row],
      converged: columns.converged[row],
      stable: columns.stable[row],
      name: columns.name[row],
    }));
    // one that was sent alone may have lost its name
    const own = rows.filter((row) => row.name === name);
    return own.length ? own : rows;
  }

  parts(sample, rows) {
    const { tree } = this.page.view;
    const way = [];
    for (let node = sample.node; node >= 0; node = tree.parent[node]) way.push(node);
    const merges = way.slice(1).map((node) => [tree.age[node], tree.nodeNames[node]]);
    const chart = (label, key, summary) =>
      ageChart({ label, summary, merges, points: rows.map((row) => ({ age: row.age, converged: row.converged, value: row[key] })) });
    const [oldest, youngest] = [rows[0], rows[rows.length - 1]];
    const unconverged = rows.filter((row) => !row.converged).length;
    const words = `${countOf(rows.length, "age")}, from old to young${unconverged ? `; ${count(unconverged)} did not converge` : ""}. Dashed lines: its branch joins another one.`;
    const energies = `Free energy of its fixed point, from ${short(oldest.freeEnergy)} at age ${count(oldest.age)} to ${short(youngest.freeEnergy)} at age ${count(youngest.age)}`;
    return [
      element("p", {}, words),
      element("ol", { class: "way", "aria-label": "Its way through the tree" }, ...way.map((node) => this.step(node))),
      element(
        "div",
        { class: "charts" },
        chart("free energy Γ", "freeEnergy", energies),
        chart("distance moved", "moved", "How far its fixed point moves from one age to the next, per site"),
      ),
      element("details", {}, element("summary", {}, "The numbers"), element("div", { class: "wide" }, numbers(rows))),
      element(
        "p",
        { class: "buttons" },
        button("Trajectory as CSV", () => this.download(sample.name, rows), { id: "download-trajectory" }),
        button("Close", () => this.close(), { id: "close-trajectory" }),
      ),
    ];
  }

  step(node) {
    const { tree } = this.page.view;
    const words = ` up to age ${count(tree.age[node])}`;
    return element("li", {}, button(named(tree.nodeNames[node]), () => this.page.show(node), { class: "link" }), words);
  }

  download(name, rows) {
    const head = ["name", "age", "free_energy", "error", "converged", "stable", "moved"];
    const lines = rows.map((row) => [name, row.age, row.freeEnergy, row.error, row.converged, row.stable, row.moved ?? ""]);
    download("trajectory.csv", [head, ...lines]);
  }
}

function numbers(rows) {
  const head = ["age", "Γ", "moved", "error", "converged", "stable"];
  const cell = (number) => element("td", {}, Number.isFinite(number) ? value(number, short(number)) : "");
  const lines = rows.map((row) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, value(row.age, count(row.age))),
      cell(row.freeEnergy),
      cell(row.moved),
      cell(row.error),
      element("td", {}, row.converged ? "yes" : "no"),
      element("td", {}, row.stable ? "yes" : "no"),
    ),
  );
  const names = element("tr", {}, ...head.map((name) => element("th", { scope: "col" }, name)));
  return element("table", {}, element("thead", {}, names), element("tbody", {}, ...lines));
}
