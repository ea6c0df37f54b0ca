// Lists of members and groups as CSV files that the browser writes itself.

/** Rows as CSV text (RFC 4180): a cell is quoted where it must be, and never altered. */
export function csv(rows) {
  const cell = (value) => {
    const text = String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

/** Names, states and labels of leaves; `texts` are label columns that are no kinds. */
export function memberRows(tree, columns, texts, leaves) {
  const condensed = tree.leafSize.some((size) => size !== 1);
  const names = [...columns, ...texts].map((column) => column.name);
  const head = ["name", "state", "distance", ...(condensed ? ["samples"] : []), ...names];
  const rows = Array.from(leaves, (leaf) => [
    tree.leafNames[leaf],
    tree.nodeNames[tree.leafNode[leaf]],
    tree.leafDistance[leaf],
    ...(condensed ? [tree.leafSize[leaf]] : []),
    ...columns.map((column) => column.labels[column.codeOf(tree, tree.nodes + leaf)]),
    ...texts.map((column) => column.values[leaf]),
  ]);
  return [head, ...rows];
}

/** The group of every leaf at an age. */
export function groupRows(tree, age) {
  const group = tree.partition(age);
  return [["name", "group"], ...tree.leafNames.map((name, leaf) => [name, tree.nodeNames[group[leaf]]])];
}

/** Give the reader a file. */
export function download(fileName, rows) {
  const address = URL.createObjectURL(new Blob([csv(rows)], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = fileName;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
