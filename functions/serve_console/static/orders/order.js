// One order with its text, in the drawer.

import { call, Problem } from "../api/call.js";
import { onSending, sending, watchSending } from "../api/sending.js";
import { watch } from "../api/watch.js";
import { address } from "../page/address.js";
import { button, el, facts, technicalDetails, time } from "../page/dom.js";
import { failure } from "../page/notices.js";
import { mayWrite } from "../session/session.js";
import { canResend, createdSentence, textSentence, underWay } from "../sms/sentences.js";
import { cost, money, soonMoment } from "../values/formats.js";
import { orders as words } from "../words/orders.js";
import { page } from "../words/page.js";
import { content, STATE_NAMES } from "../words/sms.js";
import { cancelling, resending } from "./changes.js";
import { bubble, chip, technicalFacts, timeline } from "./text.js";

// `isNew` is true for an order that this person has just created.
export function order({ id, panel, changed, isNew }) {
  let shown = null;
  let etag = null;
  let told = "";
  const sms = el("section", { "aria-labelledby": "sms-title" });
  const meaning = el("p", { class: "hint meaning" });
  const about = el("section", {});
  const actions = el("section", { class: "actions" });
  const technical = technicalDetails();
  const resend = resending(id, settle);
  const cancel = cancelling(id, settle);
  panel.title(words.one);
  panel.show(el("p", { class: "starting" }, page.loading));

  function show(current, tag) {
    // Answers may arrive out of order.
    if (shown && current.version < shown.version) return;
    const before = shown;
    shown = current;
    etag = tag;
    panel.title(current.item);
    about.replaceChildren(
      el("p", { class: "total" }, money(current.amount, current.currency), " ", current.status === "cancelled" && el("span", { class: "chip mute" }, words.cancelled)),
      facts([
        [words.code, el("code", {}, current.code)],
        [words.customer, el("a", { href: `#/customers?open=${current.customer}` }, current.customer_name ?? words.erasedCustomer, ` (${current.customer_code})`)],
        [words.ordered, time(current.order_date)],
        [words.reference, current.reference],
      ]));
    sms.replaceChildren(
      el("h3", { id: "sms-title" }, words.text, " ", chip(current.sms.status)),
      meaning,
      bubble(current.sms),
      facts([
        [words.sentTo, current.sms.to],
        [words.size, current.sms.segments > 0 && content.segments(current.sms.segments)],
        [words.cost, cost(current.sms.cost)],
      ]),
      el("h3", {}, words.happened),
      timeline(current.sms.history));
    explain();
    technical.show([[words.id, el("code", {}, current.id)], ...technicalFacts(current.sms)]);
    resend.hidden = !mayWrite() || !canResend(current);
    resend.show(current.sms);
    cancel.hidden = !mayWrite() || current.status === "cancelled";
    if (!before) panel.show(about, sms, technical.element, actions);
    else if (before.sms.status !== current.sms.status) panel.news(content.announced(STATE_NAMES[current.sms.status]));
    if (current.sms.status === "queued") watchSending();
  }

  // The sentence depends on the time, and on whether texts go out.
  function explain() {
    const context = { sending: sending(), now: Date.now(), at: soonMoment };
    meaning.textContent = textSentence(shown, context);
    if (isNew) tell(createdSentence(shown, context));
  }

  // True at each moment, and said again only if it changes.
  function tell(sentence) {
    if (sentence === told) return;
    told = sentence;
    panel.confirm(`${words.created} ${sentence}`, " ", el("a", { href: address("orders", { open: "new", for: shown.customer_code }) }, words.another));
  }

  async function refresh() {
    let answer;
    try {
      answer = await call("GET", `orders/${encodeURIComponent(id)}`, { etag });
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 404) throw error;
      watcher.stop();
      panel.show(el("p", { class: "blank" }, words.missing));
      return false;
    }
    if (answer.body) show(answer.body, answer.etag);
    else explain();
    return underWay(shown);
  }

  function showFailure(error) {
    if (shown) return false;
    panel.show(failure(words.subject, error, () => watcher.now()));
    return true;
  }

  // After a change, refresh often again, here and in the list.
  function settle({ body, etag: tag }, news) {
    isNew = false;
    panel.confirm(news);
    show(body, tag);
    panel.focus();
    watcher.now();
    changed();
  }

  actions.append(resend, cancel, el("p", { class: "buttons" }, button(words.print, () => window.print())));
  const watcher = watch(refresh, showFailure);
  const deaf = onSending(() => shown && explain());
  return () => {
    deaf();
    watcher.stop();
  };
}
