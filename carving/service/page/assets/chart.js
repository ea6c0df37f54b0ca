// A small chart of one quantity against the age, whose scale is that of the tree.

import { count, short } from "./arrays.js";

const SIZE = { width: 460, height: 210, top: 14, right: 24, bottom: 40, left: 74 };
const MOST_TICKS = 6;

/** Points `{age, value, converged}`; `merges` are ages at which the branch joins others, with the name of what it is then. */
export function ageChart({ points, label, summary, merges }) {
  const { width, height, top, right, bottom, left } = SIZE;
  const known = points.filter((point) => Number.isFinite(point.value));
  const logs = d3.extent(points, (point) => Math.log1p(point.age));
  const x = d3.scaleLinear(logs[0] < logs[1] ? logs : [logs[0] - 1, logs[1] + 1], [left, width - right]);
  const [low, high] = d3.extent(known, (point) => point.value);
  const y = d3.scaleLinear(low < high ? [low, high] : [(low ?? 0) - 1, (high ?? 0) + 1], [height - bottom, top]).nice(4);
  const svg = d3.create("svg").attr("class", "chart").attr("viewBox", `0 0 ${width} ${height}`);
  svg.attr("role", "img").attr("aria-label", summary);
  const ages = d3.axisBottom(x).tickValues(ageTicks(x)).tickFormat((log) => count(Math.round(Math.expm1(log))));
  svg.append("g").attr("class", "axis").attr("transform", `translate(0,${height - bottom})`).call(ages);
  svg.append("g").attr("class", "axis").attr("transform", `translate(${left},0)`).call(d3.axisLeft(y).ticks(4).tickFormat(short));
  svg.append("text").attr("x", width - right).attr("y", height - 6).attr("text-anchor", "end").text("age");
  svg.append("text").attr("transform", `translate(12,${(height - bottom + top) / 2}) rotate(-90)`).attr("text-anchor", "middle").text(label);
  const inside = ([age]) => x(Math.log1p(age)) >= left && x(Math.log1p(age)) <= width - right;
  const lines = svg.append("g").selectAll("line").data(merges.filter(inside)).join("line").attr("class", "merge");
  lines.attr("x1", ([age]) => x(Math.log1p(age))).attr("x2", ([age]) => x(Math.log1p(age))).attr("y1", top).attr("y2", height - bottom);
  lines.append("title").text(([age, name]) => `from age ${count(age)} on in ${name}`);
  const line = d3.line((point) => x(Math.log1p(point.age)), (point) => y(point.value));
  svg.append("path").attr("class", "line").attr("d", line(known));
  const dots = svg.append("g").selectAll("circle").data(known).join("circle").attr("r", 3);
  dots.attr("class", (point) => (point.converged ? "point" : "point unconverged"));
  dots.attr("cx", (point) => x(Math.log1p(point.age))).attr("cy", (point) => y(point.value));
  dots.append("title").text((point) => `age ${count(point.age)}: ${short(point.value)}`);
  return svg.node();
}

/** 1, 2 and 5 times powers of ten, thinned until they have room. */
function ageTicks(x) {
  const [low, high] = x.domain().map(Math.expm1);
  for (const bases of [[1, 2, 5], [1, 3], [1]]) {
    const ticks = [];
    for (let power = 0; power <= 12; power++) for (const base of bases) ticks.push(base * 10 ** power);
    const inside = ticks.filter((age) => age >= low - 1e-9 && age <= high * (1 + 1e-9));
    if (inside.length && inside.length <= MOST_TICKS) return inside.map(Math.log1p);
  }
  return [low, high].map((age) => Math.log1p(Math.round(age)));
}
