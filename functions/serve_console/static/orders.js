// Orders: the list, one order with its SMS, and a new one with a preview of its text.

import { call, Problem, watch } from "./api.js";
import { cost, el, facts, failure, money, technicalDetails, time } from "./dom.js";
import { control, explain, field, form, values } from "./forms.js";
import { list } from "./lists.js";
import { mayWrite } from "./signin.js";
import { bubble, canResend, chip, heldBack, meaning, size, STATES, technicalFacts, timeline, underWay } from "./sms.js";

const PREVIEW_AFTER_MS = 300;

// The start of a local calendar day, `later` days on, as the API accepts it. Returns anything but a date as it is.
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
      ["Customer", "customer", { placeholder: "Code or id" }],
      ["Reference", "reference", {}],
      ["From", "order_date_from", { type: "date" }],
      ["To", "order_date_to", { type: "date" }],
    ],
    // People include the last day; the API excludes the end of a range.
    apiQuery: (filters) => ({ ...filters, order_date_from: midnight(filters.order_date_from), order_date_to: midnight(filters.order_date_to, 1) }),
    open: (order) => link({ open: order.id }),
    sortedBy: (order) => order.order_date,
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
      el("p", {}, "Create a customer first. Each new order then texts its customer."),
      mayWrite() && el("p", { class: "buttons" },
        el("a", { class: "button primary", href: link({ open: "new" }) }, "New order"),
        el("a", { class: "button", href: "#/customers?open=new" }, "New customer")),
    ].filter(Boolean),
  });
}

// One order in the drawer's `panel`.
export function order({ id, panel }) {
  let shown = null;
  let etag = null;
  const sms = el("section", { "aria-labelledby": "sms-title" });
  const about = el("section", {});
  const actions = el("section", { class: "actions" });
  const technical = technicalDetails();
  const resend = resendForm();
  const cancel = cancelButton();
  panel.title("Order");
  panel.show(el("p", { class: "starting" }, "Loading…"));

  function show(current, tag) {
    // Answers may arrive out of order.
    if (shown && current.version < shown.version) return;
    const before = shown;
    shown = current;
    etag = tag;
    panel.title(current.item);
    about.replaceChildren(
      el("p", { class: "total" }, money(current.amount, current.currency), " ", current.status === "cancelled" && el("span", { class: "chip mute" }, "Cancelled")),
      facts([
        ["Customer", el("a", { href: `#/customers?open=${current.customer}` }, current.customer_name ?? "Erased customer", ` (${current.customer_code})`)],
        ["Ordered", time(current.order_date)],
        ["Reference", current.reference],
      ]));
    sms.replaceChildren(
      el("h3", { id: "sms-title" }, "SMS ", chip(current.sms.status)),
      el("p", { class: "hint" }, meaning(current.sms)),
      bubble(current.sms),
      facts([
        ["To", current.sms.to],
        ["Size", size(current.sms.segments)],
        ["Cost", cost(current.sms.cost)],
      ]),
      el("h3", {}, "What happened"),
      timeline(current.sms.history));
    technical.show([["Order id", el("code", {}, current.id)], ...technicalFacts(current.sms)]);
    resend.hidden = !mayWrite() || !canResend(current);
    resend.querySelector(".hint").textContent = current.sms.status === "unknown"
      ? "The first text may have arrived, so the customer may get it twice."
      : "The customer will get the same text again.";
    cancel.hidden = !mayWrite() || current.status === "cancelled";
    actions.hidden = resend.hidden && cancel.hidden;
    if (!before) panel.show(about, sms, technical.element, actions);
    else if (before.sms.status !== current.sms.status) panel.news(`SMS: ${STATES[current.sms.status][0]}`);
  }

  async function refresh() {
    let answer;
    try {
      answer = await call("GET", `orders/${encodeURIComponent(id)}`, { etag });
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 404) throw error;
      watcher.stop();
      panel.show(el("p", { class: "blank" }, "This order does not exist."));
      return false;
    }
    if (answer.body) show(answer.body, answer.etag);
    return underWay(shown);
  }

  function showFailure(error) {
    if (shown) return false;
    panel.show(failure("The order", error, () => watcher.now()));
    return true;
  }

  // After a change, refresh often again, here and in the list.
  function changed({ body, etag: tag }, news) {
    panel.news(news);
    show(body, tag);
    watcher.now();
    panel.changed();
  }

  function resendForm() {
    const element = form({
      fields: field("Why are you sending it again?", "reason", { placeholder: "The customer did not get it", maxlength: 100, hint: " " }),
      button: "Send again",
      send: async (body, key) => {
        const answer = await call("POST", `orders/${id}/sms`, { body, key });
        element.reset();
        changed(answer, "Sending the text again.");
      },
    });
    return element;
  }

  function cancelButton() {
    const trouble = el("p", { class: "error", role: "alert" });
    const ask = el("button", { type: "button", class: "danger" }, "Cancel order");
    const sure = el("div", { class: "buttons", hidden: true },
      el("button", { type: "button", class: "danger filled", onclick: act }, "Yes, cancel it"),
      el("button", { type: "button", onclick: () => confirm(false) }, "Keep order"));
    function confirm(asking) {
      ask.hidden = asking;
      sure.hidden = !asking;
      (asking ? sure.firstChild : ask).focus();
    }
    ask.addEventListener("click", () => confirm(true));
    async function act() {
      trouble.textContent = "";
      try {
        changed(await call("POST", `orders/${id}/cancel`), "The order is cancelled.");
        panel.focus();
      } catch (error) {
        trouble.textContent = explain(error);
        confirm(false);
      }
    }
    return el("div", { class: "cancel" }, ask, sure, trouble);
  }

  actions.append(resend, cancel);
  const watcher = watch(refresh, showFailure);
  return watcher.stop;
}

// A new order; `customer` is the first value of its field.
export function newOrder({ customer, panel, done }) {
  const suggestions = el("datalist", { id: "known-customers" });
  const preview = el("section", { class: "preview", "aria-labelledby": "preview-title" });
  const content = el("div", { "aria-live": "polite" });
  const technical = technicalDetails();
  preview.append(el("h3", { id: "preview-title" }, "The text"), content, technical.element);
  hint("Fill in customer, item and amount to see the text.");

  const element = form({
    fields: [
      field("Customer", "customer", { list: "known-customers", required: true, value: customer, hint: "Enter a code, or pick a recent customer." }),
      suggestions,
      field("Item", "item", { required: true, maxlength: 200 }),
      el("div", { class: "pair" },
        field("Amount", "amount", { required: true, inputmode: "decimal", placeholder: "1500.00" }),
        field("Currency", "currency", { maxlength: 3, placeholder: "Default" })),
      field("Reference", "reference", { maxlength: 100, hint: "Optional. Your own order number, which only one order can have." }),
      preview,
    ],
    button: "Create order",
    send: async (fields, key) => done((await call("POST", "orders", { body: bodyOf(fields), key })).body),
  });
  panel.title("New order");
  panel.show(element);
  control(element, customer ? "item" : "customer").focus();
  suggest();

  function bodyOf(fields) {
    return { ...fields, ...(fields.currency ? { currency: fields.currency.toUpperCase() } : {}) };
  }

  async function suggest() {
    const page = await call("GET", "customers", { query: { limit: 100 } }).catch(() => null);
    for (const { name, code, phone_number: number } of page?.body.data ?? []) {
      if (name) suggestions.append(el("option", { value: code }, `${name}, ${number}`));
    }
  }

  function hint(text) {
    content.replaceChildren(el("p", { class: "hint" }, text));
    technical.element.hidden = true;
  }

  let timer = null;
  let latest = 0;
  element.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(update, PREVIEW_AFTER_MS);
  });
  // Answers may arrive out of order: only the latest is shown.
  async function update() {
    const { customer: recipient, item, amount, currency } = bodyOf(values(element));
    const request = ++latest;
    if (!recipient || !item || !amount) return hint("Fill in customer, item and amount to see the text.");
    try {
      const { body } = await call("POST", "sms/preview", { body: { customer: recipient, item, amount, currency } });
      if (request === latest) show(body);
    } catch (error) {
      if (request === latest) hint(error instanceof Problem && error.errors.length ? "Correct the fields above to see the text." : explain(error));
    }
    return undefined;
  }
  function show(text) {
    const costly = text.characters.map(({ character, position }) => `“${character}” (character ${position + 1})`).join(", ");
    content.replaceChildren(
      heldBack(text.outcome) ? el("p", { class: "hint" }, `No text will be sent: ${heldBack(text.outcome)}.`) : "",
      bubble(text),
      facts([
        ["Size", size(text.segments)],
        ["Price", text.price ? `at least ${money(String(text.price.amount), text.price.currency)}` : "not known for this number"],
      ]),
      costly ? el("p", { class: "hint" }, `These characters make the text cost more: ${costly}.`) : "");
    technical.show([["Encoding", text.encoding]]);
    technical.element.hidden = false;
  }
  return () => clearTimeout(timer);
}
