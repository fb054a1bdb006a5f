// A page, or a part of one, whose module loads when it is opened.

import { page } from "../words/page.js";
import { arrival } from "./arrival.js";
import { el } from "./dom.js";
import { failure } from "./notices.js";

// `load()` resolves to a function that makes the view, whose element is then in this one's. A part without a title is not worth an
// error of its own, and keeps its room by its class.
export const late = (load, title, name = "") => (place) => {
  const element = el("div", { class: name, "aria-busy": "true" }, title && el("p", { class: "starting" }, page.loading));
  let loading = null;
  let view = null;
  function ready(make) {
    view = make(place);
    element.replaceChildren(view.element);
    element.removeAttribute("aria-busy");
    view.start();
  }
  return {
    element,
    start() {
      loading = arrival(load, ready, (error, now) => title && element.replaceChildren(failure(title, error, now)));
    },
    stop() {
      loading?.stop();
      view?.stop();
    },
    now: () => view?.now(),
  };
};
