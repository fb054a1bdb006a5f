// A list: its filters, rows that are kept up to date, and more of them by cursor.

import { call, Problem, watch } from "./api.js";
import { el, failure, notice } from "./dom.js";
import { control, field, showErrors, values } from "./forms.js";

const PAGE = 25;
const MOST = 100; // the API's largest page

// `path` is the API's; `filters` are fields, and `asked(query)` is what is asked for their values; `row(item)` makes a link's
// content, `open(item)` its address; `at(item)` is what the list is sorted by; `moving(item)` says whether to look again soon;
// `empty()` makes what stands in the place of no rows.
export function list({ path, title, filters, query, asked = (given) => given, open, row, at, moving, empty, action, columns }) {
  const items = el("ul", { class: "rows" });
  const more = el("button", { type: "button", class: "more", hidden: true, onclick: showMore }, "Show more");
  const news = el("p", { class: "visually-hidden", role: "status", "aria-live": "polite" });
  const blank = el("div", { class: "blank", hidden: true });
  const body = el("div", { class: "list", "aria-busy": "true" },
    el("p", { class: `columns ${path}`, "aria-hidden": "true" }, columns.map((name) => el("span", {}, name))),
    items, blank, more);
  const skeleton = [1, 2, 3, 4, 5].map(() => el("li", { class: "skeleton", "aria-hidden": "true" }, el("span"), el("span"), el("span")));
  items.append(...skeleton);
  const filtered = Object.keys(query).length > 0;
  let shown = []; // {element, picture, item}, newest first
  let loaded = false;
  let pages = 1; // that are shown, and kept up to date
  let next = null;
  let watcher = null;

  const search = el("form", { class: "filters", role: "search", "aria-label": `Filter ${title.toLowerCase()}`, novalidate: true },
    filters.map(([label, name, options]) => field(label, name, options)),
    el("div", { class: "buttons" },
      el("button", { type: "submit" }, "Filter"),
      filtered && el("a", { class: "clear", href: `#/${path}` }, "Clear")));
  for (const [name, value] of Object.entries(query)) {
    const input = control(search, name);
    if (input) input.value = value;
  }
  search.addEventListener("submit", (event) => {
    event.preventDefault();
    const wanted = new URLSearchParams(values(search));
    location.hash = `#/${path}${wanted.size ? `?${wanted}` : ""}`;
  });
  search.addEventListener("change", (event) => {
    if (event.target.tagName === "SELECT") search.requestSubmit();
  });

  const heading = el("h1", { id: "title", tabindex: "-1" }, title);
  const element = el("section", { class: "view", "aria-labelledby": "title" },
    el("div", { class: "head" }, heading, action),
    el("details", { class: "filtering", open: filtered || matchMedia("(min-width: 60rem)").matches }, el("summary", {}, filtered ? "Filters (on)" : "Filters"), search),
    news, body);

  // Shows these items, newest first; elements of those that were there are kept, and with them focus and scrolling.
  function show(found) {
    const before = new Map(shown.map((each) => [each.item.id, each]));
    shown = found.map((item, index) => {
      const known = before.get(item.id) ?? { element: el("li", {}, el("a", { class: `row ${path}`, href: open(item) })), picture: "" };
      before.delete(item.id);
      const picture = JSON.stringify(item);
      if (known.picture !== picture) known.element.firstChild.replaceChildren(...row(item).filter(Boolean));
      if (items.children[index] !== known.element) items.insertBefore(known.element, items.children[index] ?? null);
      return { element: known.element, picture, item };
    });
    for (const gone of before.values()) {
      if (gone.element.contains(document.activeElement)) heading.focus();
      gone.element.remove();
    }
    more.hidden = !next;
    blank.hidden = shown.length > 0;
    if (shown.length === 0) blank.replaceChildren(...(filtered ? nothing() : empty()));
  }

  async function look() {
    const wanted = pages;
    const found = [];
    let cursor = null;
    try {
      do {
        const limit = Math.min(wanted * PAGE - found.length, MOST);
        const page = (await call("GET", path, { query: { ...asked(query), limit, cursor } })).body;
        found.push(...page.data);
        cursor = page.next_cursor;
      } while (cursor && found.length < wanted * PAGE);
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 400) throw error;
      refuse(error);
      return false;
    }
    // Somebody has asked for more meanwhile.
    if (wanted !== pages) return look();
    const newest = shown[0] && at(shown[0].item);
    const fresh = newest ? found.filter((item) => at(item) > newest).length : 0;
    ready();
    next = cursor;
    show(found);
    if (fresh) news.textContent = `${fresh} new in ${title}`;
    return found.some(moving);
  }

  function ready() {
    loaded = true;
    for (const each of skeleton) each.remove();
    body.removeAttribute("aria-busy");
  }

  // What was loaded before stays, under a notice.
  function failed(error) {
    if (loaded) return false;
    for (const each of skeleton) each.remove();
    body.removeAttribute("aria-busy");
    blank.replaceChildren(failure(title, error, () => watcher.now()));
    blank.hidden = false;
    return true;
  }

  function refuse(problem) {
    watcher.stop();
    ready();
    element.querySelector("details").open = true;
    const errors = problem.errors.map((error) => ({ ...error, pointer: error.pointer.replace("?", "/") }));
    const others = showErrors(search, errors);
    blank.replaceChildren(
      el("h2", {}, "These filters cannot be used"),
      el("p", {}, [problem.message, ...others].join(" ")),
      el("p", {}, el("a", { href: `#/${path}` }, "Clear the filters")));
    blank.hidden = false;
  }

  function nothing() {
    return [el("h2", {}, `No ${title.toLowerCase()} match`), el("p", {}, el("a", { href: `#/${path}` }, "Clear the filters"))];
  }

  async function showMore() {
    more.disabled = true;
    try {
      const page = (await call("GET", path, { query: { ...asked(query), limit: PAGE, cursor: next } })).body;
      const focus = shown.length;
      const known = new Set(shown.map((each) => each.item.id));
      next = page.next_cursor;
      pages += 1;
      show([...shown.map((each) => each.item), ...page.data.filter((item) => !known.has(item.id))]);
      items.children[focus]?.firstChild.focus();
      news.textContent = `${page.data.length} more in ${title}`;
      // Rows that came in meanwhile have pushed others over the edge between the pages.
      watcher.now();
    } catch (error) {
      notice("connection", error.message);
    }
    more.disabled = false;
  }

  return {
    element,
    start: () => { watcher = watch(look, failed); },
    stop: () => watcher.stop(),
    now: () => watcher.now(),
  };
}
