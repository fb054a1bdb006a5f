// The page on which the shop writes its texts, in each language.

import { call, Problem } from "../api/call.js";
import { button, el } from "../page/dom.js";
import { pageDrafts } from "../page/drafts.js";
import { control, field, form } from "../page/form.js";
import { byName, languageName } from "../page/languages.js";
import { failure } from "../page/notices.js";
import { page } from "../words/page.js";
import { wording as words } from "../words/shop.js";
import { shopPage } from "./frame.js";
import { adviceOn, wordingText } from "./wording_text.js";

const NAME = "wording";
// What a shop here is likely to write in; any other it has already stays.
const OFFERED = "am ar de en es fr guz hi kam ki kln lg luo mas mer om pt rn rw so sw zh".split(" ");

export function wording() {
  const body = el("div", {}, el("p", { class: "starting" }, page.loading));
  const element = shopPage(NAME, words.title, words.intro, body);
  let texts = []; // of the languages, in the order of their names
  let stored = null;
  let etag = null;
  let stopped = false;

  async function load() {
    try {
      const answer = await call("GET", NAME);
      if (stopped) return;
      adopt(answer);
      const draft = pageDrafts.get(NAME);
      if (draft) etag = draft.etag;
      show(draft ?? stored, draft ? words.stillHere : "");
    } catch (error) {
      if (!stopped) body.replaceChildren(failure(words.subject, error, load, { automatic: false }));
    }
  }

  function adopt(answer) {
    stored = { default_language: answer.body.default_language, created: answer.body.created };
    etag = answer.etag;
  }

  // Shows a wording: what is stored, or what was typed.
  function show({ default_language: standard, created }, news = "") {
    for (const text of texts) text.stop();
    const done = el("p", { class: "news", role: "status", "aria-live": "polite" }, news);
    const list = el("div", { class: "wording-texts" });
    const example = {
      name: el("input", { type: "text", autocomplete: "off", value: words.exampleNames.name }),
      item: el("input", { type: "text", autocomplete: "off", value: words.exampleNames.item }),
    };
    const choice = el("select", {});
    const others = el("select", { id: "other-language" });
    const inExample = () => ({ name: example.name.value.trim() || words.exampleNames.name, item: example.item.value.trim() || words.exampleNames.item });

    const element = form({
      fields: [
        field(words.default, "default_language", { control: choice, hint: words.defaultHint }),
        list,
        el("div", { class: "add-language" }, el("label", { for: "other-language" }, words.add), others, button(words.addButton, add)),
        el("fieldset", { class: "example" }, el("legend", {}, words.example),
          field(words.exampleName, "example_name", { control: example.name }), field(words.exampleItem, "example_item", { control: example.item })),
      ],
      button: words.save,
      read: () => ({ body: whole(), errors: texts.map(wrongIn).filter(Boolean) }),
      send: save,
    });

    const typed = () => Object.fromEntries(texts.map((text) => [text.language, text.text()]));
    const whole = () => ({ default_language: choice.value, created: typed() });

    function wrongIn(text) {
      const sentence = adviceOn(text.text());
      return sentence && { pointer: `/created/${text.language}`, code: "invalid_wording", sentence };
    }

    // Shows the texts of these languages again, as they are typed.
    function arrange(written, chosen) {
      for (const text of texts) text.stop();
      const tags = byName(Object.keys(written));
      texts = tags.map((language) => wordingText({
        language, text: written[language], example: inExample,
        remove: tags.length > 1 && language !== chosen && (() => {
          const { [language]: _, ...rest } = typed();
          arrange(rest, choice.value);
          done.textContent = words.removed(languageName(language));
          keep();
          others.focus();
        }),
      }));
      list.replaceChildren(...texts.map((text) => text.element));
      choice.replaceChildren(...tags.map((tag) => el("option", { value: tag, selected: tag === chosen }, languageName(tag))));
      const rest = byName(OFFERED.filter((tag) => !tags.includes(tag)));
      others.replaceChildren(el("option", { value: "" }, words.choose), ...rest.map((tag) => el("option", { value: tag }, languageName(tag))));
    }

    function add() {
      const language = others.value;
      if (!language) return others.focus();
      arrange({ ...typed(), [language]: "" }, choice.value);
      keep();
      return control(element, `created/${language}`).focus();
    }

    // What is typed stays while the person looks at another page.
    function keep() {
      const now = whole();
      if (JSON.stringify(sorted(now)) === JSON.stringify(sorted(stored))) pageDrafts.delete(NAME);
      else pageDrafts.set(NAME, { ...now, etag });
    }

    async function save(wanted) {
      done.replaceChildren();
      try {
        adopt(await call("PUT", NAME, { body: wanted, etag }));
      } catch (error) {
        if (!(error instanceof Problem) || error.status !== 412) throw error;
        await compare();
        throw new Error(words.conflict, { cause: error });
      }
      pageDrafts.delete(NAME);
      show(stored, words.saved);
    }

    // Someone else saved first: shows their texts next to these. Saving again replaces theirs.
    async function compare() {
      const before = stored.created;
      adopt(await call("GET", NAME));
      const mine = typed();
      const added = Object.fromEntries(Object.entries(stored.created).filter(([language]) => !(language in mine) && !(language in before)));
      arrange({ ...mine, ...added }, choice.value);
      for (const text of texts) if ((stored.created[text.language] ?? null) !== text.text()) text.showTheirs(stored.created[text.language] ?? null);
      keep();
    }

    arrange(created, standard);
    choice.addEventListener("change", () => arrange(typed(), choice.value));
    element.addEventListener("input", ({ target }) => {
      keep();
      if (target === example.name || target === example.item) for (const text of texts) text.update();
    });
    body.replaceChildren(done, ...(news === words.stillHere ? [el("p", { class: "buttons" }, button(words.discard, () => {
      pageDrafts.delete(NAME);
      load();
    }))] : []), element);
    if (news === words.saved) done.scrollIntoView({ block: "nearest" });
  }

  return {
    element,
    start: load,
    stop() {
      stopped = true;
      for (const text of texts) text.stop();
    },
    now() {},
  };
}

const sorted = ({ default_language, created }) => [default_language, Object.entries(created).sort()];
