// What the drawer shows, an item or a form, from a module that is not loaded with the page.

import { page } from "../words/page.js";
import { arrival } from "./arrival.js";
import { el } from "./dom.js";
import { failure } from "./notices.js";

// `load()` resolves to the item or form, as `sections.js` has them; the drawer has this title until it is there.
export const lateForm = (load, title) => (given) => {
  const { panel } = given;
  panel.title(title);
  panel.show(el("p", { class: "starting" }, page.loading));
  let stop = () => loading.stop();
  const loading = arrival(load, (show) => { stop = show(given) ?? stop; }, (error, now) => panel.show(failure(title, error, now)));
  return () => stop();
};
