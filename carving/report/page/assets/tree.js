// The tree as columns, just as the library holds it. Vertices 0 … nodes - 1 are nodes, children before their
// parents, ages from old to young and the root last; the vertices after them are the leaves.

import { decode } from "./arrays.js";

export class FamilyTree {
  constructor(data) {
    const { nodes, leaves } = data;
    this.ages = decode(data.ages.updates);
    this.hasAddedRoot = data.has_added_root;
    this.parentOfNode = decode(nodes.parent);
    this.age = decode(nodes.age);
    this.size = decode(nodes.size);
    this.freeEnergy = decode(nodes.free_energy);
    this.error = decode(nodes.error);
    this.flags = decode(nodes.flags);
    this.support = decode(nodes.support);
    this.birthAge = decode(nodes.birth_age);
    this.typical = decode(nodes.typical);
    this.leafNames = leaves.names;
    this.leafNode = decode(leaves.node);
    this.leafSize = decode(leaves.size) ?? new Uint8Array(this.leafNode.length).fill(1);
    this.leafDistance = decode(leaves.distance);
    this.leafError = decode(leaves.error);
    this.nodes = this.age.length;
    this.leaves = this.leafNode.length;
    this.vertices = this.nodes + this.leaves;
    this.root = this.nodes - 1;
    this.nodeNames = this.namesOfNodes(nodes.other_names);
    this.parent = new Int32Array(this.vertices);
    this.parent.set(this.parentOfNode);
    this.parent.set(this.leafNode, this.nodes);
    this.arrange();
  }

  /** t{age}.{k}, k counted within each age; the few that differ are given. */
  namesOfNodes(others) {
    const names = new Array(this.nodes);
    for (let node = 0, k = 0; node < this.nodes; node++) {
      k = node > 0 && this.age[node] === this.age[node - 1] ? k + 1 : 0;
      names[node] = `t${this.age[node]}.${k}`;
    }
    for (const [node, name] of Object.entries(others)) names[node] = name;
    return names;
  }

  /** Siblings in the order of their first leaves, and every vertex's rows; loops only, at any depth. */
  arrange() {
    const { nodes, leaves, vertices, parent } = this;
    const first = new Int32Array(vertices).fill(leaves);
    for (let leaf = 0; leaf < leaves; leaf++) first[nodes + leaf] = leaf;
    for (let vertex = nodes; vertex < vertices; vertex++)
      first[parent[vertex]] = Math.min(first[parent[vertex]], first[vertex]);
    for (let node = 0; node < this.root; node++)
      first[parent[node]] = Math.min(first[parent[node]], first[node]);

    this.childStart = starts(parent, vertices, this.root);
    this.children = new Int32Array(vertices - 1);
    const filled = this.childStart.slice();
    for (const vertex of sortedBy(first, leaves + 1))
      if (vertex !== this.root) this.children[filled[parent[vertex]]++] = vertex;

    // below each vertex, itself included
    const below = new Int32Array(vertices).fill(1);
    const leavesBelow = new Int32Array(vertices);
    for (let vertex = nodes; vertex < vertices; vertex++) {
      leavesBelow[vertex] = 1;
      leavesBelow[parent[vertex]] += 1;
      below[parent[vertex]] += 1;
    }
    for (let node = 0; node < this.root; node++) {
      leavesBelow[parent[node]] += leavesBelow[node];
      below[parent[node]] += below[node];
    }

    this.preorder = new Int32Array(vertices);
    this.place = new Int32Array(vertices);
    this.firstRow = new Int32Array(vertices);
    this.leafOfRow = new Int32Array(leaves);
    const stack = [this.root];
    let rows = 0;
    for (let place = 0; place < vertices; place++) {
      const vertex = stack.pop();
      this.preorder[place] = vertex;
      this.place[vertex] = place;
      this.firstRow[vertex] = rows;
      if (vertex >= nodes) this.leafOfRow[rows++] = vertex - nodes;
      const [from, to] = this.childRange(vertex);
      for (let child = to - 1; child >= from; child--) stack.push(this.children[child]);
    }
    this.afterSubtree = this.place.map((place, vertex) => place + below[vertex]);
    this.endRow = this.firstRow.map((row, vertex) => row + leavesBelow[vertex]);
  }

  childRange(vertex) {
    return vertex < this.nodes ? [this.childStart[vertex], this.childStart[vertex + 1]] : [0, 0];
  }

  isLeaf(vertex) {
    return vertex >= this.nodes;
  }

  nameOf(vertex) {
    return this.isLeaf(vertex) ? this.leafNames[vertex - this.nodes] : this.nodeNames[vertex];
  }

  sizeOf(vertex) {
    return this.isLeaf(vertex) ? this.leafSize[vertex - this.nodes] : this.size[vertex];
  }

  /** The children of a node, the vertices in the order of their rows. */
  childrenOf(vertex) {
    return this.children.subarray(...this.childRange(vertex));
  }

  /** The leaves that a vertex holds, in the order of their rows. */
  membersOf(vertex) {
    return this.leafOfRow.subarray(this.firstRow[vertex], this.endRow[vertex]);
  }

  /** The checkpoint whose groups are those of an age: the youngest one that is not younger. */
  checkpointOf(age) {
    let index = this.ages.length - 1;
    while (index > 0 && this.ages[index] < age) index--;
    return this.ages[index];
  }

  /** For every node the group that it belongs to at an age, −1 for those that are born later than that. */
  groupsOfNodes(age) {
    const checkpoint = this.checkpointOf(age);
    const group = new Int32Array(this.nodes).fill(-1);
    for (let node = this.root; node >= 0; node--) {
      if (this.age[node] < checkpoint || (this.hasAddedRoot && node === this.root)) continue;
      const parent = this.parent[node];
      group[node] = parent >= 0 && node !== this.root && group[parent] >= 0 ? group[parent] : node;
    }
    return group;
  }

  /** The node of every leaf at an age: what tree.partition(age) gives. */
  partition(age) {
    const group = this.groupsOfNodes(age);
    return this.leafNode.map((node) => group[node]);
  }

  /** The groups at an age, the largest first. */
  groupsAt(age) {
    const group = this.groupsOfNodes(age);
    const found = [];
    for (let node = 0; node < this.nodes; node++) if (group[node] === node) found.push(node);
    return found.sort((one, other) => this.size[other] - this.size[one] || one - other);
  }

  /** A number for each node that a node shares with its largest child: so large branches keep a colour. */
  branches() {
    const { nodes, parent, size } = this;
    const largest = new Int32Array(nodes).fill(-1);
    for (let node = 0; node < this.root; node++) {
      const above = parent[node];
      if (largest[above] < 0 || size[node] > size[largest[above]]) largest[above] = node;
    }
    const head = new Int32Array(nodes);
    const heads = [];
    for (let node = this.root; node >= 0; node--) {
      const above = node === this.root ? -1 : parent[node];
      head[node] = above >= 0 && largest[above] === node ? head[above] : node;
      if (head[node] === node) heads.push(node);
    }
    // the largest branches come first, so that they get the colours that are easiest to tell apart
    heads.sort((one, other) => size[other] - size[one] || other - one);
    const rank = new Int32Array(nodes);
    heads.forEach((node, index) => (rank[node] = index));
    return head.map((node) => rank[node]);
  }
}

/** Where each node's children start in a list of all of them, and where the last one's end. */
function starts(parent, vertices, root) {
  const nodes = root + 1;
  const result = new Int32Array(nodes + 1);
  for (let vertex = 0; vertex < vertices; vertex++)
    if (vertex !== root) result[parent[vertex] + 1] += 1;
  for (let node = 0; node < nodes; node++) result[node + 1] += result[node];
  return result;
}

/** Indices sorted by small whole keys, equal ones in order. */
function sortedBy(keys, keyCount) {
  const start = new Int32Array(keyCount + 1);
  for (const key of keys) start[key + 1] += 1;
  for (let key = 0; key < keyCount; key++) start[key + 1] += start[key];
  const order = new Int32Array(keys.length);
  for (let index = 0; index < keys.length; index++) order[start[keys[index]]++] = index;
  return order;
}
