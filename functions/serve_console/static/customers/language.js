// The language of a customer's texts.

import { el } from "../page/dom.js";
import { field } from "../page/form.js";
import { byName, languageName, SHIPPED, textLanguages } from "../page/languages.js";
import { customers as words } from "../words/customers.js";

const shops = (standard) => (standard ? words.shopsLanguage(languageName(standard)) : words.shopsOwn);

// `known` is what `textLanguages` returns. A language whose wording was removed stays a choice, as long as the customer has it.
function options(language, { languages, standard }) {
  const tags = byName(new Set([...languages, ...(language ? [language] : [])]));
  return [["", shops(standard)], ...tags.map((tag) => [tag, languageName(tag)])]
    .map(([value, name]) => el("option", { value, selected: value === (language ?? "") }, name));
}

export const languageField = (language, known) => field(words.language, "language", { control: el("select", {}, options(language, known)) });

// For a new customer: a choice from the start, of more languages once those of the shop's wording have loaded.
export function newLanguageField() {
  const select = el("select", {}, options(null, { languages: SHIPPED, standard: null }));
  textLanguages().then((known) => {
    const { value } = select;
    select.replaceChildren(...options(null, known));
    select.value = value;
  });
  return field(words.language, "language", { control: select });
}

export const languageSaid = (language, { standard }) => (language ? languageName(language) : shops(standard));
