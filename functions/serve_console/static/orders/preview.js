// What will become of an order's text: its words, size and price, and when it goes out, or why it does not.

import { call, explain, Problem } from "../api/call.js";
import { onSending, sending } from "../api/sending.js";
import { el, facts, technicalDetails } from "../page/dom.js";
import { outlook } from "../sms/sentences.js";
import { money, soonMoment } from "../values/formats.js";
import { orders as words } from "../words/orders.js";
import { content as contentWords, technical as technicalWords } from "../words/sms.js";
import { bubble } from "./text.js";

const AFTER_MS = 300;

// `update(body, usable)` asks for the text of an order's body a moment later; `stop` ends that. The order of a new customer has
// their fields as `person`.
export function preview() {
  const content = el("div", { "aria-live": "polite" });
  const technical = technicalDetails();
  const element = el("section", { class: "preview", "aria-labelledby": "preview-title" },
    el("h3", { id: "preview-title" }, words.preview), content, technical.element);
  let timer = null;
  let latest = 0;
  let known = null; // the preview that is shown
  hint(words.toSee);

  function hint(text) {
    known = null;
    content.replaceChildren(el("p", { class: "hint" }, text));
    technical.element.hidden = true;
  }

  // Answers may arrive out of order: only the latest is shown.
  async function ask({ customer, person, item, amount, currency, sms }, usable) {
    const request = ++latest;
    if (!usable) return hint(words.correct);
    if (!(customer || person?.name) || !item || !amount) return hint(words.toSee);
    try {
      const { body } = await call("POST", "sms/preview", { body: { customer, name: person?.name, phone_number: person?.phone_number, item, amount, currency, sms } });
      if (request === latest) show(body, Boolean(person && !person.phone_number));
    } catch (error) {
      if (request === latest) hint(error instanceof Problem && error.errors.length ? words.correct : explain(error));
    }
    return undefined;
  }

  // A new customer's number may not be typed yet.
  function show(text, noNumber) {
    const { none, waits } = outlook(text.outcome, { sending: sending(), at: soonMoment });
    if (none) return hint(words.noText(none));
    known = [text, noNumber];
    const costly = text.characters.map(({ character, position }) => words.costlyCharacter(character, position + 1)).join(", ");
    content.replaceChildren(
      el("p", { class: "hint" }, waits ?? (noNumber ? words.goesOutIfAllowed : words.goesOut)),
      bubble(text),
      facts([
        [words.size, contentWords.segments(text.segments)],
        [words.price, text.price ? words.atLeast(money(String(text.price.amount), text.price.currency)) : words.priceUnknown],
      ]),
      costly ? el("p", { class: "hint" }, words.costly(costly)) : "");
    technical.show([[technicalWords.encoding, text.encoding]]);
    technical.element.hidden = false;
    return undefined;
  }

  // Whether texts go out may change, or be known only now.
  const deaf = onSending(() => known && show(...known));
  return {
    element,
    update(body, usable) {
      clearTimeout(timer);
      timer = setTimeout(ask, AFTER_MS, body, usable);
    },
    stop() {
      clearTimeout(timer);
      latest += 1;
      deaf();
    },
  };
}
