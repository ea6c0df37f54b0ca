// Pixels and inks that all parts of the picture share.

export const INK = "#2b2b2b";
export const PALE = "#c9cdd3";
// room above and below the rows, for the chosen age and for the scale of ages; and at the left
export const TOP = 22;
export const BOTTOM = 38;
export const LEFT = 10;
// width of a strip of colours, and the gap between two
export const STRIP = 13;
export const GAP = 4;
