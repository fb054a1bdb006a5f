// The frame of the shop's pages: a heading, and the way to the others.

import { el } from "../page/dom.js";
import { members } from "../sections.js";
import { sections as words } from "../words/page.js";

export function shopPage(name, title, intro, ...content) {
  return el("section", { class: "view shop", "aria-labelledby": "title" },
    el("div", { class: "head" }, el("h1", { id: "title", tabindex: "-1" }, title)),
    el("nav", { class: "tabs", "aria-label": words.shopLabel }, members("shop").map(([section, label]) =>
      el("a", { href: `#/${section}`, "aria-current": section === name && "page" }, label))),
    el("p", { class: "hint" }, intro),
    ...content);
}
