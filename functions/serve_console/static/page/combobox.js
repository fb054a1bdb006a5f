// A field that offers what fits while a person types: the editable combobox with a list of the ARIA Authoring Practices.
// Nothing is chosen that a person did not choose: no option is active until an arrow key makes it so.

import { explain } from "../api/call.js";
import { el } from "./dom.js";

const AFTER_MS = 200;
let lists = 0;

// Wraps `input`, which keeps its place in the page, and labels its list. `look(text)` returns a promise of
// - options: [{content, choose()}], in the order in which they are shown,
// - says: what was found, for people who cannot see the list; it is shown if there is no option,
// - one: the option that Enter chooses without an arrow key, if any; sure: the same when the field is left.
// Returns {settle()}, which chooses the sure option of what was typed last, if nothing was chosen since.
export function combobox(input, { label, look }) {
  const id = `list-${++lists}`;
  const list = el("ul", { role: "listbox", id, "aria-label": label, hidden: true });
  const note = el("p", { class: "note", role: "status" });
  const box = el("div", { class: "combo" });
  input.replaceWith(box);
  box.append(input, list, note);
  for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": id })) input.setAttribute(name, value);

  let options = []; // [{element, choose}]
  let active = -1;
  let timer = null;
  let answer = null; // {text, result: a promise} of the latest question
  let isDecided = true; // whether a person chose, or typed nothing

  const typed = () => input.value.trim();
  const isOpen = () => !list.hidden;

  function open(opened) {
    list.hidden = !opened || options.length === 0;
    input.setAttribute("aria-expanded", String(isOpen()));
    activate(-1);
  }

  function activate(index) {
    options[active]?.element.setAttribute("aria-selected", "false");
    active = index;
    const element = options[active]?.element;
    if (!element) return input.removeAttribute("aria-activedescendant");
    element.setAttribute("aria-selected", "true");
    input.setAttribute("aria-activedescendant", element.id);
    return element.scrollIntoView({ block: "nearest" });
  }

  function say(text) {
    note.textContent = text;
    note.classList.toggle("visually-hidden", options.length > 0);
  }

  function clear() {
    clearTimeout(timer);
    answer = null;
    options = [];
    list.replaceChildren();
    say("");
    open(false);
  }

  function choose(option) {
    isDecided = true;
    clear();
    option.choose();
  }

  // Returns a promise of what is found for the text of the moment, or null if that changed. It fails as `look` does.
  function ask() {
    clearTimeout(timer);
    const text = typed();
    if (!text) return Promise.resolve(null);
    if (answer?.text !== text) answer = { text, result: find(text) };
    return answer.result;
  }

  async function find(text) {
    const current = () => answer?.text === text && typed() === text;
    let found;
    try {
      found = await look(text);
    } catch (error) {
      if (!current()) return null;
      clear();
      say(explain(error));
      // Ask again next time.
      answer = null;
      throw error;
    }
    if (!current()) return null;
    show(found);
    return found;
  }

  // The same, where what is said of a failure is enough.
  const askQuietly = () => ask().catch(() => null);

  function show(found) {
    options = found.options.map((option, index) => {
      const element = el("li", { role: "option", id: `${id}-${index}`, "aria-selected": "false", onclick: () => choose(option) }, option.content);
      return { ...option, element };
    });
    list.replaceChildren(...options.map(({ element }) => element));
    say(found.says);
    open(document.activeElement === input);
  }

  async function enter() {
    const found = await askQuietly();
    if (found?.one) choose(found.one);
    else open(true);
  }

  async function settle() {
    if (isDecided) return;
    const found = await ask();
    if (found?.sure && !isDecided) choose(found.sure);
  }

  function move(step) {
    if (!isOpen()) {
      if (options.length === 0) return askQuietly();
      open(true);
    }
    const from = active === -1 && step < 0 ? 0 : active;
    return activate((from + step + options.length) % options.length);
  }

  const KEYS = {
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    Enter: () => (active >= 0 ? choose(options[active]) : enter()),
    Escape: () => open(false),
  };

  input.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
    if (event.key === "Escape" && !isOpen()) return;
    // Enter is for the form once something was chosen, or nothing was typed.
    if (event.key === "Enter" && active < 0 && isDecided) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  input.addEventListener("input", () => {
    clear();
    isDecided = !typed();
    if (!isDecided) timer = setTimeout(askQuietly, AFTER_MS);
  });
  input.addEventListener("blur", () => {
    open(false);
    settle().catch(() => {});
  });
  // Pressing on the list must not take the focus from the field.
  list.addEventListener("mousedown", (event) => event.preventDefault());
  return { settle };
}
