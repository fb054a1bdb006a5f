// What a customer may ask of the shop: all that we hold about them, or to forget them. For managers.

import { call, explain } from "../api/call.js";
import { button, buttons, el } from "../page/dom.js";
import { download } from "../page/download.js";
import { field, form } from "../page/form.js";
import { customers as words } from "../words/customers.js";

const plain = (name) => name.normalize("NFC").trim().replace(/\s+/g, " ").toLocaleLowerCase();

// `erased(answer)` gets the API's answer.
export function privacy(customer, etag, erased) {
  const told = el("p", { class: "hint", role: "status", "aria-live": "polite" });
  const save = button(words.exportButton, exportAll);
  const start = button(words.erase, () => open(true), "danger");
  const sure = el("div", { class: "sure", hidden: true }, el("p", {}, words.eraseWhat), erasing(), button(words.eraseKeep, () => open(false)));

  function open(asking) {
    start.hidden = asking;
    sure.hidden = !asking;
    (asking ? sure.querySelector("input") : start).focus();
  }

  function erasing() {
    return form({
      fields: field(words.eraseConfirm(customer.name), "confirm_name", { hint: words.eraseConfirmHint }),
      button: words.eraseSure,
      tone: "danger filled",
      read: ({ confirm_name: typed = "" }) => ({
        body: undefined,
        errors: plain(typed) === plain(customer.name) ? [] : [{ pointer: "/confirm_name", code: "required", sentence: words.eraseOther }],
      }),
      send: async () => erased(await call("POST", `customers/${customer.id}/erase`, { etag })),
    });
  }

  async function exportAll() {
    save.disabled = true;
    try {
      const whole = { customer: null, orders: [] };
      let cursor = null;
      do {
        const { body } = await call("GET", `customers/${customer.id}/export`, { query: { cursor } });
        whole.customer = body.customer;
        whole.orders.push(...body.orders);
        cursor = body.next_cursor;
        told.textContent = words.exporting(whole.orders.length);
      } while (cursor);
      download(`customer-${customer.code}.json`, JSON.stringify(whole, null, 2), "application/json");
      told.textContent = words.exported(whole.orders.length);
    } catch (error) {
      told.textContent = explain(error);
    }
    save.disabled = false;
  }

  return el("section", { class: "privacy", "aria-labelledby": "privacy-title" },
    el("h3", { id: "privacy-title" }, words.privacy),
    el("p", { class: "hint" }, words.exportWhat), buttons(save), told,
    el("div", { class: "erase" }, start, sure));
}
