// One customer, in the drawer: to read, and to change.

import { call, Problem } from "../api/call.js";
import { watch } from "../api/watch.js";
import { address } from "../page/address.js";
import { buttons, el, facts, linkButton, time } from "../page/dom.js";
import { control, form } from "../page/form.js";
import { textLanguages } from "../page/languages.js";
import { failure } from "../page/notices.js";
import { actor, mayManage, mayWrite } from "../session/session.js";
import { customers as words } from "../words/customers.js";
import { page } from "../words/page.js";
import { fields } from "./fields.js";
import { languageField, languageSaid } from "./language.js";

// `isNew` is true for a customer that this person has just created.
export function customer({ id, panel, changed, isNew }) {
  panel.title(words.one);
  if (isNew) panel.confirm(words.created);
  panel.show(el("p", { class: "starting" }, page.loading));

  const known = textLanguages();
  const past = import("./history.js");
  const personal = mayManage() && import("./privacy.js");
  let history = null; // the element, which stays while the customer is changed

  // Stops once the customer has loaded: a refresh must not replace what a person is typing.
  const watcher = watch(async () => {
    let answer;
    try {
      answer = await call("GET", `customers/${encodeURIComponent(id)}`);
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 404) throw error;
    }
    if (stopped) return false;
    stop();
    if (answer) await show(answer.body, answer.etag);
    else panel.show(el("p", { class: "blank" }, words.missing));
    return false;
  }, (error) => {
    panel.show(failure(words.subject, error, () => watcher.now()));
    return true;
  });
  let stopped = false;
  function stop() {
    stopped = true;
    watcher.stop();
  }

  async function show(current, etag) {
    const languages = await known;
    history ??= later(past, ({ history: make }) => make(current));
    panel.title(current.name ?? words.erasedTitle);
    const about = facts([
      [words.code, el("code", {}, current.code)],
      [words.since, time(current.created_at)],
      [words.createdBy, actor(current.created_by)],
      [words.changedBy, current.version > 1 && (current.updated_by === "provider" ? words.provider : actor(current.updated_by))],
      [words.id, el("code", {}, current.id)],
    ]);
    const links = buttons(
      mayWrite() && current.name && linkButton(words.newOrder, address("orders", { open: "new", for: current.code }), "primary"),
      linkButton(words.allOrders, address("orders", { customer: current.code })));
    if (!current.name) return panel.show(about, el("p", { class: "hint" }, words.erasedHint), links, history);
    const silenced = current.sms_opted_out || current.sms_blocked;
    if (!mayWrite()) {
      const rest = [[words.phone, current.phone_number], [words.email, current.email], [words.language, languageSaid(current.language, languages)],
        [words.receives, silenced ? words.no : words.yes]];
      return panel.show(about, facts(rest), links, history);
    }
    const privacy = personal && later(personal, ({ privacy: make }) => make(current, etag, (answer) => settle(answer, words.isErased)));
    return panel.show(about, links, history, el("h3", {}, words.details), changing(current, etag, silenced, languages), privacy);
  }

  async function settle(answer, news) {
    await show(answer.body, answer.etag);
    panel.confirm(news);
    panel.focus();
    changed();
  }

  function changing(current, etag, silenced, languages) {
    const receives = el("input", { type: "checkbox", id: "receives-texts", name: "receives_texts", checked: !silenced, disabled: silenced && !mayManage() });
    const hint = (condition, ...sentences) => condition && el("p", { class: "hint" }, sentences.join(" "));
    const element = form({
      fields: [
        ...fields(current),
        languageField(current.language, languages),
        el("div", { class: "check" }, receives, el("label", { for: "receives-texts" }, words.receives),
          hint(current.sms_opted_out, words.hasOptedOut, mayManage() ? words.tickIfAgreed : words.managersOnly),
          hint(current.sms_blocked, words.isBlocked, mayManage() ? words.tickToTry : words.managersOnly),
          hint(!silenced && !mayManage(), words.onlyBack)),
      ],
      button: words.save,
      tone: "",
      send: async () => {
        const changes = Object.fromEntries(["name", "phone_number", "email"].map((name) => [name, control(element, name).value])
          .filter(([name, value]) => value !== current[name]));
        const language = control(element, "language").value || null;
        if (language !== current.language) changes.language = language;
        if (receives.checked && current.sms_opted_out) changes.sms_opted_out = false;
        if (receives.checked && current.sms_blocked) changes.sms_blocked = false;
        if (!receives.checked && !silenced) changes.sms_opted_out = true;
        await settle(await call("PATCH", `customers/${current.id}`, { body: changes, etag }), words.saved);
      },
    });
    return element;
  }

  return stop;
}

// Holds an element once its module has loaded; without the module the rest is enough.
function later(module, make) {
  const element = el("div", { class: "later" });
  module.then((loaded) => element.replaceChildren(make(loaded))).catch(() => {});
  return element;
}
