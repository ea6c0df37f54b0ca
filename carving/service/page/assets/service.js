// Puts the page together: one tree of the workspace at a time, shown as in a report, and what can be asked of it.

import { Api } from "./api.js";
import { count, countOf } from "./arrays.js";
import { element } from "./elements.js";
import { Jobs } from "./jobs.js";
import { Placements } from "./placements.js";
import { Tokens } from "./token.js";
import { Trajectory } from "./trajectory.js";
import { openTree } from "./view.js";

// a new tree is seen by the service within a second
const LOOKS_FOR_A_NEW_TREE = 6;
const MILLISECONDS_BETWEEN_LOOKS = 500;

const find = (id) => document.getElementById(id);
const fragment = new URLSearchParams(location.hash.slice(1));
const tokens = new Tokens(find("token-dialog"), fragment);
// nobody who looks at the address, or is sent it, gets to see the token
if (fragment.has("token")) {
  const kept = new URLSearchParams([...fragment].filter(([name]) => name !== "token"));
  history.replaceState(null, "", `#${kept}`);
}
const api = new Api(tokens);

const page = {
  trees: [],
  /** Of the tree that is shown. */
  facts: null,
  view: null,
  trajectory: null,
  placements: null,
  asked: 0,

  /** Choose a vertex and bring the tree into sight. */
  show(vertex) {
    this.view.select(vertex);
    find("tree").scrollIntoView({ block: "nearest" });
  },

  say(words, isWrong = false) {
    find("tree-facts").textContent = words;
    find("tree-facts").classList.toggle("wrong", isWrong);
  },

  async listTrees() {
    const { trees } = await api.get("trees");
    this.trees = trees;
    const choice = find("tree-choice");
    const chosen = choice.value;
    choice.replaceChildren(...trees.map(({ name }) => element("option", { value: name }, name)));
    choice.disabled = !trees.length;
    if (trees.some(({ name }) => name === chosen)) choice.value = chosen;
    return trees;
  },

  async listStores() {
    const { stores } = await api.get("stores");
    jobs.showStores(stores);
  },

  async open(name) {
    const number = ++this.asked;
    this.close();
    this.say("Loading the tree…");
    find("tree-choice").value = name;
    const image = find("image-shape").value.trim();
    const options = new URLSearchParams(image ? { image } : {});
    let data;
    try {
      const tree = encodeURIComponent(name);
      const [shown, described] = await Promise.all([api.get(`trees/${tree}/page?${options}`), api.get(`trees/${tree}`)]);
      if (number !== this.asked) return;
      data = shown;
      const { order, tolerance } = described.options ?? {};
      this.facts = { ...described, order, tolerance };
    } catch (error) {
      if (number === this.asked) this.say(`The tree cannot be shown: ${error.message}`, true);
      return;
    }
    const place = find("tree-view");
    place.replaceChildren(find("tree-view-elements").content.cloneNode(true));
    this.view = openTree(place, data, { onSelect: (vertex) => this.placements.chosen(vertex) });
    this.say(wordsOf(this.facts));
    document.title = `${name} – carving`;
    history.replaceState(null, "", `#${new URLSearchParams(image ? { tree: name, image } : { tree: name })}`);
    this.placements.opened(this.facts);
  },

  close() {
    this.placements.opened(null);
    this.view?.destroy();
    this.view = null;
    this.facts = null;
    find("tree-view").replaceChildren();
  },

  /** A job has made something; a tree is shown at once where there was none. */
  async made({ output }) {
    for (let look = 0; output && look < LOOKS_FOR_A_NEW_TREE; look++) {
      const trees = await this.listTrees();
      await this.listStores();
      if (trees.some(({ name }) => name === output)) break;
      await new Promise((resolve) => setTimeout(resolve, MILLISECONDS_BETWEEN_LOOKS));
    }
    if (!this.view && this.trees.length) await this.open(this.trees[0].name);
  },
};

function wordsOf(facts) {
  const parts = [
    countOf(facts.samples, "sample"),
    `${countOf(facts.states, "state")} at the oldest age, ${count(facts.oldest_age)}`,
    countOf(facts.ages, "age"),
  ];
  if (facts.store !== null) parts.push(`built from ${facts.store}`);
  return parts.join(" · ");
}

const jobs = new Jobs(find, api, { made: (job) => page.made(job).catch((error) => page.say(error.message, true)) });
page.trajectory = new Trajectory(find, api, page);
page.placements = new Placements(find, api, page);
find("tree-choice").addEventListener("change", (event) => page.open(event.target.value));
find("image-shape").value = fragment.get("image") ?? "";
find("image-shape").addEventListener("change", ({ target }) => {
  const fits = target.checkValidity();
  target.setAttribute("aria-invalid", String(!fits));
  if (fits && find("tree-choice").value) page.open(find("tree-choice").value);
});
// for those who want to ask the page from its console
window.carving = page;

try {
  const trees = await page.listTrees();
  const wanted = fragment.get("tree");
  const first = trees.find(({ name }) => name === wanted) ?? trees[0];
  jobs.start();
  await page.listStores();
  if (first) await page.open(first.name);
  else page.say("This workspace has no trees yet; build one below.");
} catch (error) {
  page.say(`The workspace cannot be listed: ${error.message}`, true);
}
