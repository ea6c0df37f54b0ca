// Columns come as base64 of little-endian numbers, which is what every browser's processor has.

const TYPES = { u1: Uint8Array, u2: Uint16Array, i4: Int32Array, f4: Float32Array, f8: Float64Array };

/** The numbers of one column, or null where there is none. */
export function decode(column) {
  if (column === null || column === undefined) return null;
  const text = atob(column.data);
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return new TYPES[column.type](bytes.buffer);
}

/** A number with separated thousands; ages and sizes are whole. */
export function count(number) {
  return number.toLocaleString("en-GB");
}

/** So many of something. */
export function countOf(number, word, several = `${word}s`) {
  return `${count(number)} ${number === 1 ? word : several}`;
}

/** A measured number in a few digits. */
export function short(number) {
  if (!Number.isFinite(number)) return "not known";
  const size = Math.abs(number);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return number.toExponential(3).replace("-", "−");
  return String(Number(number.toPrecision(6))).replace("-", "−");
}

/** A share as a whole percentage that is 0 or 100 only when it is. */
export function percent(share) {
  if (share > 0 && share < 0.01) return "< 1 %";
  if (share < 1 && share > 0.99) return "> 99 %";
  return `${Math.round(100 * share)} %`;
}

/** At most so many characters, counted as people count them, with an ellipsis for what is left out. */
export function cut(text, most) {
  if (text.length <= most) return text;
  return `${Array.from(text).slice(0, most - 1).join("")}…`;
}
