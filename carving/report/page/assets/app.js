// The report: its tree is in the page itself.

import { openTree } from "./view.js";

// for those who want to ask the page from its console
window.carving = openTree(
  document.getElementById("tree-view"),
  JSON.parse(document.getElementById("data").textContent),
);
