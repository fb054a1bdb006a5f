// The text of one language: a field, buttons for what the order fills in, and an example of the text as it would be sent.

import { call, explain, Problem } from "../api/call.js";
import { button, el, facts } from "../page/dom.js";
import { field } from "../page/form.js";
import { languageName } from "../page/languages.js";
import { money, sentence } from "../values/formats.js";
import { tooMany } from "../values/segments.js";
import { wording as words } from "../words/shop.js";
import { content as contentWords } from "../words/sms.js";
import { PLACEHOLDERS, templateProblem } from "./template.js";

const AFTER_MS = 400;
// Any order's: what it costs to send does not depend on it.
const AMOUNT = "1500";

export function adviceOn(template) {
  const wrong = templateProblem(template);
  if (!wrong) return null;
  return wrong.problem === "unknown" ? words.advice.unknown(wrong.name) : words.advice[wrong.problem];
}

// `example()` returns {name, item}. Returns {element, language, text(), showTheirs(text), update(), stop()}.
export function wordingText({ language, text, example, remove }) {
  const area = el("textarea", { rows: 4, spellcheck: "true", lang: language }, text);
  const name = languageName(language);
  const bubble = el("p", { class: "bubble", lang: language, hidden: true });
  const told = el("div", { class: "told", role: "status", "aria-live": "polite" });
  const theirs = el("div", { class: "theirs", hidden: true });
  let timer = null;
  let latest = 0;

  const element = el("section", { class: "card wording-text", "aria-label": name },
    el("div", {},
      field(words.language(name), `created/${language}`, { control: area }),
      el("p", { class: "hint" }, words.placeholders),
      el("p", { class: "buttons placeholders" }, PLACEHOLDERS.map((placeholder) =>
        el("button", { type: "button", title: words.meanings[placeholder], "aria-label": words.insert(placeholder), onclick: () => insert(placeholder) }, `{${placeholder}}`))),
      remove && el("p", { class: "buttons" }, button(words.remove(name), remove, "danger"), el("span", { class: "hint" }, words.removeHint(name))),
      theirs),
    el("div", { class: "preview" }, el("h2", {}, words.preview), bubble, told));

  function insert(placeholder) {
    area.setRangeText(`{${placeholder}}`, area.selectionStart, area.selectionEnd, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
    area.focus();
  }

  function hint(sentenceToShow) {
    bubble.hidden = true;
    told.replaceChildren(el("p", { class: "hint" }, sentenceToShow));
  }

  // Answers may arrive out of order: only the latest is shown.
  async function ask() {
    const request = ++latest;
    const wrong = adviceOn(area.value);
    if (wrong) return hint(area.value.trim() ? wrong : words.write);
    try {
      const { body } = await call("POST", "sms/preview", { body: { ...example(), amount: AMOUNT, wording: area.value.trim() } });
      if (request === latest) show(body);
    } catch (error) {
      if (request === latest) hint(whatIsWrong(error));
    }
    return undefined;
  }

  function show({ folded, folded_encoding: encoding, folded_segments: segments, price, characters }) {
    bubble.textContent = folded;
    bubble.hidden = false;
    const excess = tooMany(folded, encoding, segments);
    const costly = [...new Set(characters.map(({ character }) => character))].filter((character) => folded.includes(character));
    told.replaceChildren(
      facts([
        [words.size, contentWords.segments(segments)],
        [words.price, price ? words.eachText(money(price.amount, price.currency)) : words.priceUnknown],
      ]),
      ...(excess ? [el("p", { class: "hint" }, words.shorten(excess))] : []),
      ...(encoding === "UCS-2" && costly.length ? [el("p", { class: "hint" }, words.costly(costly.map((character) => `“${character}”`).join(", ")))] : []));
  }

  function update() {
    clearTimeout(timer);
    timer = setTimeout(ask, AFTER_MS);
  }
  area.addEventListener("input", update);
  ask();

  return {
    element,
    language,
    update,
    text: () => area.value.trim(),
    // What someone else has written in the meantime; null if they removed it.
    showTheirs(other) {
      theirs.hidden = other === area.value.trim();
      theirs.replaceChildren(
        el("p", { class: "hint" }, words.theirs(name)),
        el("p", { class: "bubble unsent", lang: language }, other ?? words.none),
        other ? el("p", { class: "buttons" }, button(words.useTheirs, () => {
          area.value = other;
          area.dispatchEvent(new Event("input", { bubbles: true }));
          theirs.hidden = true;
          area.focus();
        })) : "");
    },
    stop: () => clearTimeout(timer),
  };
}

function whatIsWrong(error) {
  const wrong = error instanceof Problem && error.errors.find(({ pointer }) => pointer === "/wording");
  if (wrong) return sentence(wrong.detail);
  return error instanceof Problem && error.errors.length ? words.wrongExample : explain(error);
}
