// Offers the customers who have a number already, before another one is created with it.

import { button, buttons, el } from "../page/dom.js";
import { customers as words } from "../words/customers.js";
import { silence, withNumber } from "./look_up.js";

// Looks the number up when a person leaves its field. `use(customer)` is called if they choose one of those found; `useLabel(name)`
// says so on its button. Returns {element, check()}: `check` returns a promise of whether another customer may be created now;
// where it may not, it asks.
export function duplicates({ input, use, useLabel }) {
  const element = el("div", { class: "duplicates", role: "status" });
  let looked = { number: "", found: Promise.resolve([]) };
  let another = null; // the number that a person wants another customer with

  const number = () => input.value.trim();

  function look() {
    if (looked.number !== number()) {
      const mine = { number: number(), found: number() ? withNumber(number()) : Promise.resolve([]) };
      looked = mine;
      // A failed look-up says nothing about the number: ask again next time.
      mine.found.catch(() => { if (looked === mine) looked = { number: "", found: Promise.resolve([]) }; });
    }
    return looked.found.catch(() => []);
  }

  async function ask() {
    const asked = number();
    const found = another === asked ? [] : await look();
    if (asked === number()) show(found);
    return found.length > 0;
  }

  function show(found) {
    element.replaceChildren(...(found.length ? [
      el("p", {}, words.hasNumber(found.map(({ name }) => name)), " ", ...(found.length === 1 ? silence(found[0]) : [])),
      buttons(
        ...found.map((customer) => button(useLabel(customer.name), () => use(customer), "primary")),
        button(words.another, () => {
          another = number();
          show([]);
          input.focus();
        })),
    ] : []));
  }

  input.addEventListener("input", () => show([]));
  input.addEventListener("change", ask);
  return {
    element,
    async check() {
      const isTaken = await ask();
      if (isTaken) element.querySelector("button").focus();
      return !isTaken;
    },
  };
}
