// What a person may change about an order: send its text again, or cancel it.

import { call, explain } from "../api/call.js";
import { button, el } from "../page/dom.js";
import { field, form } from "../page/form.js";
import { orders as words } from "../words/orders.js";

// A form whose `show(sms)` words it for the text's state. `settle(answer, sentence)` gets the API's answer.
export function resending(id, settle) {
  const element = form({
    fields: field(words.again.any[0], "reason", { placeholder: words.reasonExample, hint: " " }),
    button: words.again.any[1],
    send: async (body, key) => {
      const answer = await call("POST", `orders/${id}/sms`, { body, key });
      element.reset();
      settle(answer, words.queuedAgain);
    },
  });
  element.show = ({ status, reason }) => {
    const [question, action, result] = words.again[reason] ?? words.again[status] ?? words.again.any;
    element.querySelector("label").textContent = question;
    element.querySelector("button").textContent = action;
    element.querySelector(".hint").textContent = result;
  };
  return element;
}

export function cancelling(id, settle) {
  const trouble = el("p", { class: "error", role: "alert" });
  const ask = button(words.cancel, () => confirm(true), "danger");
  const yes = button(words.cancelSure, act, "danger filled");
  const sure = el("div", { class: "buttons", hidden: true }, yes, button(words.keep, () => confirm(false)), el("p", { class: "hint" }, words.cancelHint));
  function confirm(asking) {
    ask.hidden = asking;
    sure.hidden = !asking;
    (asking ? yes : ask).focus();
  }
  async function act() {
    trouble.textContent = "";
    try {
      settle(await call("POST", `orders/${id}/cancel`), words.isCancelled);
    } catch (error) {
      trouble.textContent = explain(error);
      confirm(false);
    }
  }
  return el("div", { class: "cancel" }, ask, sure, trouble);
}
