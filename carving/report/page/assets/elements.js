// Elements made without any HTML text: what people called their samples can only ever be text.

/** An element with attributes and children; strings become text. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") made.addEventListener("click", value);
    else if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Text of unknown direction. */
export function named(text) {
  return element("bdi", {}, text);
}

export function button(words, onclick, attributes = {}) {
  return element("button", { type: "button", onclick, ...attributes }, words);
}

/** A number as people read it, with the number as it is stored. */
export function value(number, words) {
  return element("data", { value: String(number) }, words);
}

/** A spot of colour beside a word that says the same. */
export function chipOf(color) {
  const chip = element("span", { class: "chip", "aria-hidden": "true" });
  chip.style.background = color;
  return chip;
}
