// The document's title, with how many orders need a person in front.

import { page } from "../words/page.js";

let label = "";
let count = "";

function show() {
  document.title = `${count ? `(${count}) ` : ""}${label} · ${page.product}`;
}

export function setTitle(text) {
  label = text;
  show();
}

// `text` is a number in words, such as `3` or `100+`, or empty.
export function setCount(text) {
  count = text;
  if (label) show();
}
