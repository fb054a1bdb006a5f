// Orders: the list, one order with its SMS, and a new one with a preview of its text.

import { call, Problem, watch } from "./api.js";
import { cost, el, facts, failure, money, time } from "./dom.js";
import { control, field, form, told, values } from "./forms.js";
import { list } from "./lists.js";
import { mayWrite } from "./signin.js";
import { bubble, canResend, chip, size, STATES, timeline, underWay } from "./sms.js";

const PREVIEW_AFTER_MS = 300;

// A day of the calendar that is on the wall, so many days later, as the API takes it.
function midnight(day, later = 0) {
  const [, year, month, date] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day ?? "") ?? [];
  return year ? new Date(year, month - 1, Number(date) + later).toISOString() : day;
}

export function orders({ query, link }) {
  const states = el("select", {}, el("option", { value: "" }, "Any"),
    Object.entries(STATES).map(([state, [label]]) => el("option", { value: state }, label)));
  return list({
    path: "orders",
    title: "Orders",
    query,
    columns: ["Customer", "Item", "Amount", "Ordered", "SMS"],
    filters: [
      ["SMS", "sms_status", { control: states }],
      ["Customer", "customer", { placeholder: "Id or code" }],
      ["Reference", "reference", {}],
      ["From (included)", "order_date_from", { type: "date" }],
      ["To (included)", "order_date_to", { type: "date" }],
    ],
    // The API takes the end of a range as the first moment that is not in it.
    asked: (given) => ({ ...given, order_date_from: midnight(given.order_date_from), order_date_to: midnight(given.order_date_to, 1) }),
    open: (order) => link({ open: order.id }),
    at: (order) => order.order_date,
    moving: underWay,
    action: mayWrite() && el("a", { class: "button primary", href: link({ open: "new" }) }, "New order"),
    row: (order) => [
      el("span", { class: "customer" }, order.customer_name ?? "Erased customer", " ", el("small", {}, order.customer_code)),
      el("span", { class: "item" }, order.item, " ", order.reference && el("small", {}, order.reference)),
      el("span", { class: "amount" }, money(order.amount, order.currency)),
      el("span", { class: "when" }, time(order.order_date)),
      el("span", { class: "state" }, order.status === "cancelled" && el("span", { class: "chip mute" }, "Cancelled"), chip(order.sms.status)),
    ],
    empty: () => [
      el("h2", {}, "No orders yet"),
      el("p", {}, "Each new order texts its customer. An order needs a customer first."),
      mayWrite() && el("p", { class: "buttons" },
        el("a", { class: "button primary", href: link({ open: "new" }) }, "New order"),
        el("a", { class: "button", href: "#/customers?open=new" }, "New customer")),
    ].filter(Boolean),
  });
}

// One order; `place` is the drawer.
export function order({ id, place }) {
  let shown = null;
  let etag = null;
  const sms = el("section", { "aria-labelledby": "sms-title" });
  const about = el("section", {});
  const actions = el("section", { class: "actions" });
  const resend = resendForm();
  const cancel = cancelButton();
  place.title("Order");
  place.show(el("p", { class: "starting" }, "Loading…"));

  function show(found, tag) {
    // An answer to an earlier question may come later.
    if (shown && found.version < shown.version) return;
    const before = shown;
    shown = found;
    etag = tag;
    place.title(found.item);
    about.replaceChildren(
      el("p", { class: "total" }, money(found.amount, found.currency), " ", found.status === "cancelled" && el("span", { class: "chip mute" }, "Cancelled")),
      facts([
        ["Customer", el("a", { href: `#/customers?open=${found.customer}` }, found.customer_name ?? "Erased customer", ` (${found.customer_code})`)],
        ["Ordered", time(found.order_date)],
        ["Reference", found.reference],
        ["Id", el("code", {}, found.id)],
      ]));
    sms.replaceChildren(
      el("h3", { id: "sms-title" }, "SMS ", chip(found.sms.status)),
      el("p", { class: "hint" }, STATES[found.sms.status][3]),
      bubble(found.sms),
      facts([
        ["To", found.sms.to],
        ["Size", size(found.sms.segments, found.sms.encoding)],
        ["Cost", cost(found.sms.cost)],
      ]),
      el("h3", {}, "What happened"),
      timeline(found.sms.history));
    resend.hidden = !mayWrite() || !canResend(found);
    resend.querySelector(".hint").textContent = found.sms.status === "unknown"
      ? "The first text may have arrived: the customer may get it twice."
      : "The customer gets the same text once more.";
    cancel.hidden = !mayWrite() || found.status === "cancelled";
    actions.hidden = resend.hidden && cancel.hidden;
    if (!before) place.show(about, sms, actions);
    else if (before.sms.status !== found.sms.status) place.news(`SMS: ${STATES[found.sms.status][0]}`);
  }

  async function look() {
    let answer;
    try {
      answer = await call("GET", `orders/${encodeURIComponent(id)}`, { etag });
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 404) throw error;
      watcher.stop();
      place.show(el("p", { class: "blank" }, "There is no such order."));
      return false;
    }
    if (answer.body) show(answer.body, answer.etag);
    return underWay(shown);
  }

  function failed(error) {
    if (shown) return false;
    place.show(failure("The order", error, () => watcher.now()));
    return true;
  }

  // What a person has changed is followed closely again, here and in the list.
  function changed({ body, etag: tag }, said) {
    place.news(said);
    show(body, tag);
    watcher.now();
    place.changed();
  }

  function resendForm() {
    const made = form({
      fields: field("Send the text again, because", "reason", { placeholder: "The customer did not get it", maxlength: 100, hint: " " }),
      button: "Send again",
      send: async (given, key) => {
        const answer = await call("POST", `orders/${id}/sms`, { body: given, key });
        made.reset();
        changed(answer, "The text is on its way again.");
      },
    });
    return made;
  }

  function cancelButton() {
    const trouble = el("p", { class: "error", role: "alert" });
    const ask = el("button", { type: "button", class: "danger" }, "Cancel the order");
    const sure = el("div", { class: "buttons", hidden: true },
      el("button", { type: "button", class: "danger filled", onclick: act }, "Yes, cancel it"),
      el("button", { type: "button", onclick: () => turn(false) }, "Keep it"));
    function turn(asked) {
      ask.hidden = asked;
      sure.hidden = !asked;
      (asked ? sure.firstChild : ask).focus();
    }
    ask.addEventListener("click", () => turn(true));
    async function act() {
      trouble.textContent = "";
      try {
        changed(await call("POST", `orders/${id}/cancel`), "The order is cancelled.");
        place.focus();
      } catch (error) {
        trouble.textContent = told(error);
        turn(false);
      }
    }
    return el("div", { class: "cancel" }, ask, sure, trouble);
  }

  actions.append(resend, cancel);
  const watcher = watch(look, failed);
  return watcher.stop;
}

// A new order; `customer` is what the field begins with.
export function newOrder({ customer, place, done }) {
  const known = el("datalist", { id: "known-customers" });
  const preview = el("section", { class: "preview", "aria-labelledby": "preview-title" });
  const content = el("div", { "aria-live": "polite" });
  preview.append(el("h3", { id: "preview-title" }, "The text"), content);
  hint("It appears here as soon as customer, item and amount are filled in.");

  const made = form({
    fields: [
      field("Customer", "customer", { list: "known-customers", required: true, value: customer, hint: "Code or id. Recent customers are suggested." }),
      known,
      field("Item", "item", { required: true, maxlength: 200 }),
      el("div", { class: "pair" },
        field("Amount", "amount", { required: true, inputmode: "decimal", placeholder: "1500.00" }),
        field("Currency", "currency", { maxlength: 3, placeholder: "Default" })),
      field("Reference", "reference", { maxlength: 100, hint: "Your own order number, if you have one. Each is taken only once." }),
      preview,
    ],
    button: "Create order",
    send: async (given, key) => done((await call("POST", "orders", { body: bodyOf(given), key })).body),
  });
  place.title("New order");
  place.show(made);
  control(made, customer ? "item" : "customer").focus();
  propose();

  function bodyOf(given) {
    return { ...given, ...(given.currency ? { currency: given.currency.toUpperCase() } : {}) };
  }

  async function propose() {
    const page = await call("GET", "customers", { query: { limit: 100 } }).catch(() => null);
    for (const each of page?.body.data ?? []) if (each.name) known.append(el("option", { value: each.code }, `${each.name}, ${each.phone_number}`));
  }

  function hint(text) {
    content.replaceChildren(el("p", { class: "hint" }, text));
  }

  let timer = null;
  let asked = 0;
  made.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, PREVIEW_AFTER_MS);
  });
  async function look() {
    const { customer: to, item, amount, currency } = bodyOf(values(made));
    const mine = ++asked;
    if (!to || !item || !amount) return hint("It appears here as soon as customer, item and amount are filled in.");
    try {
      const { body } = await call("POST", "sms/preview", { body: { customer: to, item, amount, currency } });
      if (mine === asked) show(body);
    } catch (error) {
      if (mine === asked) hint(error instanceof Problem && error.errors.length ? "It appears here once the fields can be used as they are." : told(error));
    }
    return undefined;
  }
  function show(found) {
    const costly = found.characters.map((each) => `“${each.character}” (${each.position + 1})`).join(", ");
    content.replaceChildren(
      bubble(found),
      facts([
        ["Size", size(found.segments, found.encoding)],
        ["Price", found.price ? `about ${money(String(found.price.amount), found.price.currency)}` : "not known for this number"],
      ]),
      costly ? el("p", { class: "hint" }, `These characters make the text longer: ${costly}.`) : "");
  }
  return () => clearTimeout(timer);
}
