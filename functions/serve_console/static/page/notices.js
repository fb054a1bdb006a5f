// Notices above the page, and what stands in for content that did not load.

import { page } from "../words/page.js";
import { button, buttons, el } from "./dom.js";

// Shows one notice of each kind, on the page and in the drawer (an open drawer hides the page from assistive technology).
// An empty text removes the notice. `actions()` creates its buttons.
export function notice(kind, text, actions) {
  for (const region of document.querySelectorAll(".notices")) {
    const current = region.querySelector(`[data-kind="${kind}"]`);
    if (!text) current?.remove();
    else if (current?.dataset.text !== text) {
      const element = el("div", { class: "notice", "data-kind": kind, "data-text": text }, el("p", {}, text), actions?.());
      if (current) current.replaceWith(element);
      else region.append(element);
    }
  }
}

// Stands in for what did not load, such as "The order".
export function failure(subject, error, retry, { automatic = true } = {}) {
  return el("div", { class: "blank", role: "alert" },
    el("h2", {}, page.didNotLoad(subject)),
    el("p", {}, error.message),
    automatic && el("p", {}, page.tryingAgain),
    buttons(button(page.tryNow, retry)));
}
