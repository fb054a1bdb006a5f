// A list: its filters, its rows, which stay up to date, and more rows by cursor.

import { call, Problem, watch } from "./api.js";
import { el, failure, notice } from "./dom.js";
import { control, field, showErrors, values } from "./forms.js";

const PAGE = 25;
const LARGEST_PAGE = 100; // the API's

// `path` is the API's; `filters` are fields, and `apiQuery(query)` turns their values into the API's; `row(item)` creates the
// content of a link and `open(item)` its address; the list is sorted by `sortedBy(item)`, newest first; `moving(item)` is true
// for items to refresh soon; `empty()` creates what stands in for no rows.
export function list({ path, title, filters, query, apiQuery = (filterValues) => filterValues, open, row, sortedBy, moving, empty, action, columns }) {
  const rows = el("ul", { class: "rows" });
  const more = el("button", { type: "button", class: "more", hidden: true, onclick: showMore }, "Show more");
  const news = el("p", { class: "visually-hidden", role: "status", "aria-live": "polite" });
  const blank = el("div", { class: "blank", hidden: true });
  const body = el("div", { class: "list", "aria-busy": "true" },
    el("p", { class: `columns ${path}`, "aria-hidden": "true" }, columns.map((name) => el("span", {}, name))),
    rows, blank, more);
  const skeleton = [1, 2, 3, 4, 5].map(() => el("li", { class: "skeleton", "aria-hidden": "true" }, el("span"), el("span"), el("span")));
  rows.append(...skeleton);
  const filtered = Object.keys(query).length > 0;
  let shown = []; // {element, snapshot, item}, newest first
  let loaded = false;
  let pages = 1; // how many are shown, and kept up to date
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
    const filterValues = new URLSearchParams(values(search));
    location.hash = `#/${path}${filterValues.size ? `?${filterValues}` : ""}`;
  });
  search.addEventListener("change", (event) => {
    if (event.target.tagName === "SELECT") search.requestSubmit();
  });

  const heading = el("h1", { id: "title", tabindex: "-1" }, title);
  const element = el("section", { class: "view", "aria-labelledby": "title" },
    el("div", { class: "head" }, heading, action),
    el("details", { class: "filtering", open: filtered || matchMedia("(min-width: 60rem)").matches }, el("summary", {}, filtered ? "Filters (on)" : "Filters"), search),
    news, body);

  // Shows these items, newest first. An item that was shown before keeps its element, and so focus and scroll position.
  function show(items) {
    const before = new Map(shown.map((entry) => [entry.item.id, entry]));
    shown = items.map((item, index) => {
      const entry = before.get(item.id) ?? { element: el("li", {}, el("a", { class: `row ${path}`, href: open(item) })), snapshot: "" };
      before.delete(item.id);
      const snapshot = JSON.stringify(item);
      if (entry.snapshot !== snapshot) entry.element.firstChild.replaceChildren(...row(item).filter(Boolean));
      if (rows.children[index] !== entry.element) rows.insertBefore(entry.element, rows.children[index] ?? null);
      return { element: entry.element, snapshot, item };
    });
    for (const gone of before.values()) {
      if (gone.element.contains(document.activeElement)) heading.focus();
      gone.element.remove();
    }
    more.hidden = !next;
    blank.hidden = shown.length > 0;
    if (shown.length === 0) blank.replaceChildren(...(filtered ? noMatch() : empty()));
  }

  async function refresh() {
    const wanted = pages;
    const items = [];
    let cursor = null;
    try {
      do {
        const limit = Math.min(wanted * PAGE - items.length, LARGEST_PAGE);
        const page = (await call("GET", path, { query: { ...apiQuery(query), limit, cursor } })).body;
        items.push(...page.data);
        cursor = page.next_cursor;
      } while (cursor && items.length < wanted * PAGE);
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 400) throw error;
      refuse(error);
      return false;
    }
    // "Show more" was pressed in the meantime.
    if (wanted !== pages) return refresh();
    const newest = shown[0] && sortedBy(shown[0].item);
    const fresh = newest ? items.filter((item) => sortedBy(item) > newest).length : 0;
    ready();
    next = cursor;
    show(items);
    if (fresh) news.textContent = `${fresh} new in ${title}`;
    return items.some(moving);
  }

  function ready() {
    loaded = true;
    for (const placeholder of skeleton) placeholder.remove();
    body.removeAttribute("aria-busy");
  }

  // Rows that have loaded stay, under a notice.
  function showFailure(error) {
    if (loaded) return false;
    for (const placeholder of skeleton) placeholder.remove();
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
      el("h2", {}, others.length < errors.length ? "Check the highlighted filter" : "These filters do not work"),
      el("p", {}, (errors.length ? others : [problem.message]).join(" ")),
      el("p", {}, el("a", { href: `#/${path}` }, "Clear the filters")));
    blank.hidden = false;
  }

  function noMatch() {
    return [el("h2", {}, `No ${title.toLowerCase()} match`), el("p", {}, el("a", { href: `#/${path}` }, "Clear the filters"))];
  }

  async function showMore() {
    more.disabled = true;
    try {
      const page = (await call("GET", path, { query: { ...apiQuery(query), limit: PAGE, cursor: next } })).body;
      const focus = shown.length;
      const known = new Set(shown.map((entry) => entry.item.id));
      next = page.next_cursor;
      pages += 1;
      show([...shown.map((entry) => entry.item), ...page.data.filter((item) => !known.has(item.id))]);
      rows.children[focus]?.firstChild.focus();
      news.textContent = `${page.data.length} more in ${title}`;
      // New rows may have pushed others from one page to the next.
      watcher.now();
    } catch (error) {
      notice("connection", error.message);
    }
    more.disabled = false;
  }

  return {
    element,
    start: () => { watcher = watch(refresh, showFailure); },
    stop: () => watcher.stop(),
    now: () => watcher.now(),
  };
}
