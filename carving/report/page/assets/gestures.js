// Mouse, fingers and keys on the canvas. d3-zoom understands the first two on every kind of device; what is in
// view is kept as two windows, for ages and rows apart, so that a tree of thousands of rows keeps its width.

const STEP = 1.35;
const DURATION = 250;

/** `seen()` is called after every change of the windows; `picture` says where things are. */
export function watchGestures(canvas, model, picture, seen) {
  let last = d3.zoomIdentity;
  const zoom = d3
    .zoom()
    .scaleExtent([1e-12, 1e12])
    .filter((event) => !event.button && (event.type !== "wheel" || !event.ctrlKey || event.deltaY !== 0))
    .on("zoom", ({ transform, sourceEvent }) => {
      const factor = transform.k / last.k;
      const { width, height } = picture.inner;
      if (Math.abs(factor - 1) > 1e-9 && sourceEvent) {
        const points = d3.pointers(sourceEvent, canvas);
        const [x, y] = [d3.mean(points, (p) => p[0]), d3.mean(points, (p) => p[1])];
        const place = picture.placeOfPoint(x, y);
        model.rows.scale(factor, place.row);
        // fingers and Shift magnify the ages as well
        if (sourceEvent.shiftKey || sourceEvent.touches) model.ages.scale(factor, place.age);
      } else {
        model.rows.move((-(transform.y - last.y) / height) * model.rows.width);
        model.ages.move((-(transform.x - last.x) / width) * model.ages.width);
      }
      last = transform;
      seen();
    });
  d3.select(canvas).call(zoom).on("dblclick.zoom", null);
}

/** Go to other windows, in a quarter of a second unless the reader wants no motion. */
export function glide(model, ages, rows, seen) {
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const from = [model.ages.start, model.ages.end, model.rows.start, model.rows.end];
  const between = d3.interpolateArray(from, [...ages, ...rows]);
  const show = (share) => {
    const [ageStart, ageEnd, rowStart, rowEnd] = between(share);
    model.ages.show(ageStart, ageEnd);
    model.rows.show(rowStart, rowEnd);
    seen();
  };
  if (still) show(1);
  else d3.select(document.documentElement).transition("glide").duration(DURATION).tween("view", () => show);
}

export function stopGliding() {
  d3.select(document.documentElement).interrupt("glide");
}

export function zoomStep(model, inwards, seen) {
  const middle = (model.rows.start + model.rows.end) / 2;
  model.rows.scale(inwards ? STEP : 1 / STEP, middle);
  seen();
}

/** The vertex that an arrow key leads to from another one. */
export function neighbour(tree, vertex, key, collapsed) {
  if (vertex < 0) return tree.root;
  if (key === "ArrowLeft") return vertex === tree.root ? vertex : tree.parent[vertex];
  if (key === "ArrowRight") {
    const children = collapsed.has(vertex) ? [] : tree.childrenOf(vertex);
    let best = vertex;
    for (const child of children)
      if (best === vertex || tree.sizeOf(child) > tree.sizeOf(best)) best = child;
    return best;
  }
  if (vertex === tree.root) return vertex;
  const siblings = tree.childrenOf(tree.parent[vertex]);
  const next = siblings.indexOf(vertex) + (key === "ArrowDown" ? 1 : -1);
  return siblings[Math.min(siblings.length - 1, Math.max(0, next))];
}
