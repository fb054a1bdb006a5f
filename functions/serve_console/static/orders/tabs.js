// The tabs of the list of orders: all, those that need a person, and the cancelled.

import { el } from "../page/dom.js";
import { address } from "../page/address.js";
import { orders as words } from "../words/orders.js";
import { countInWords, onAttention } from "./attention.js";

const TABS = ["all", "attention", "cancelled"];

// The tab that an address names.
export const tabOf = (name) => (TABS.includes(name) ? name : "all");

// Returns {element, start, stop}.
export function tabs(current) {
  const count = el("span", { class: "count" });
  const links = TABS.map((name) => el("a", { href: address("orders", { tab: name === "all" ? "" : name }), "aria-current": name === current && "page" },
    words.tabs[name], name === "attention" && " ", name === "attention" && count));
  const show = () => { count.textContent = countInWords(); };
  let deaf = () => {};
  show();
  return {
    element: el("nav", { class: "tabs", "aria-label": words.tabsLabel }, links),
    start() {
      deaf = onAttention(show);
      show();
    },
    stop: () => deaf(),
  };
}
