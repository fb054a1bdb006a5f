// A list: its filters, its rows, which stay up to date, and more rows by cursor.

import { call, Problem } from "../api/call.js";
import { watch } from "../api/watch.js";
import { list as words } from "../words/page.js";
import { address } from "./address.js";
import { el } from "./dom.js";
import { control, field, showErrors, values } from "./form.js";
import { failure, notice } from "./notices.js";

const PAGE = 25;
const LARGEST_PAGE = 100; // the API's
const MOST_SHORT = 4; // of the pages that a refresh asks for
// How far a person had come in each list, by its address: Back leads there again.
const places = new Map();

// `path` is the API's, and `page({limit, cursor})` asks it for a page. `kept` is what the address says besides the filters; `above`
// stands over them. `filters` are fields, with `shortcuts` to some of their values; `apiQuery(query)` turns these into the API's,
// and `wrong(query)` returns errors that the API does not know. `row(item)` creates the content of a link and `open(item)` its
// address; the list is sorted by `sortedBy(item)`, newest first; `moving(item)` is true for items to refresh soon; `empty()` creates
// what stands in for no rows; `loaded()` is called once the first are there.
export function list({
  path, title, kept = {}, above = [], filters, shortcuts, query, apiQuery = (filterValues) => filterValues, wrong = () => [],
  page: ask = async (range) => (await call("GET", path, { query: { ...apiQuery(query), ...range } })).body,
  open, row, sortedBy, moving, empty, action, columns, loaded: whenLoaded = () => {},
}) {
  const rows = el("ul", { class: "rows" });
  const more = el("button", { type: "button", class: "more", hidden: true, onclick: showMore }, words.more);
  const news = el("p", { class: "visually-hidden", role: "status", "aria-live": "polite" });
  const blank = el("div", { class: "blank", hidden: true });
  const body = el("div", { class: "list", "aria-busy": "true" },
    el("p", { class: `columns ${path}`, "aria-hidden": "true" }, columns.map((name) => el("span", {}, name))),
    rows, blank, more);
  const skeleton = [1, 2, 3, 4, 5].map(() => el("li", { class: "skeleton", "aria-hidden": "true" }, el("span"), el("span"), el("span")));
  rows.append(...skeleton);
  const filtered = Object.keys(query).length > 0;
  const place = address(path, { ...kept, ...query });
  const unfiltered = address(path, kept);
  let shown = []; // {element, snapshot, item}, newest first
  let loaded = false;
  let pages = places.get(place)?.pages ?? 1; // how many are shown, and kept up to date
  let next = null;
  let watcher = null;

  const search = el("form", { class: "filters", role: "search", "aria-label": words.label(title), novalidate: true },
    filters.map(([label, name, options]) => field(label, name, options)),
    el("div", { class: "buttons" },
      el("button", { type: "submit" }, words.filter),
      filtered && el("a", { class: "clear", href: unfiltered }, words.clear)),
    shortcuts);
  for (const [name, value] of Object.entries(query)) {
    const input = control(search, name);
    if (input) input.value = value;
  }
  search.addEventListener("submit", (event) => {
    event.preventDefault();
    location.hash = address(path, { ...kept, ...values(search) });
  });
  search.addEventListener("change", (event) => {
    if (event.target.tagName === "SELECT") search.requestSubmit();
  });

  const heading = el("h1", { id: "title", tabindex: "-1" }, title);
  const element = el("section", { class: "view", "aria-labelledby": "title" },
    el("div", { class: "head" }, heading, action),
    above,
    el("details", { class: "filtering", open: filtered || matchMedia("(min-width: 60rem)").matches }, el("summary", {}, filtered ? words.filtersOn : words.filters), search),
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
      // Pages of a rare filter may be short.
      for (let requests = 0; requests === 0 || (cursor && items.length < wanted * PAGE && requests < wanted + MOST_SHORT); requests += 1) {
        const limit = Math.min(wanted * PAGE - items.length, LARGEST_PAGE);
        const page = await ask({ limit, cursor });
        items.push(...page.data);
        cursor = page.next_cursor;
      }
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 400) throw error;
      refuse(error.errors.map((found) => ({ ...found, pointer: found.pointer.replace("?", "/") })), error.message);
      return false;
    }
    // "Show more" was pressed in the meantime.
    if (wanted !== pages) return refresh();
    const newest = shown[0] && sortedBy(shown[0].item);
    const fresh = newest ? items.filter((item) => sortedBy(item) > newest).length : 0;
    const first = !loaded;
    ready();
    next = cursor;
    show(items);
    if (first) window.scrollTo(0, places.get(place)?.scroll ?? 0);
    if (fresh) news.textContent = words.fresh(fresh, title);
    return items.some(moving);
  }

  function ready() {
    if (!loaded) whenLoaded();
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

  function refuse(errors, message) {
    watcher?.stop();
    ready();
    element.querySelector("details").open = true;
    const others = showErrors(search, errors);
    blank.replaceChildren(
      el("h2", {}, others.length < errors.length ? words.check : words.unusable),
      el("p", {}, (errors.length ? others : [message]).join(" ")),
      el("p", {}, el("a", { href: unfiltered }, words.clearFilters)));
    blank.hidden = false;
  }

  function noMatch() {
    return [el("h2", {}, words.noMatch(title)), el("p", {}, el("a", { href: unfiltered }, words.clearFilters))];
  }

  async function showMore() {
    more.disabled = true;
    try {
      const page = await ask({ limit: PAGE, cursor: next });
      const focus = shown.length;
      const known = new Set(shown.map((entry) => entry.item.id));
      next = page.next_cursor;
      pages += 1;
      show([...shown.map((entry) => entry.item), ...page.data.filter((item) => !known.has(item.id))]);
      rows.children[focus]?.firstChild.focus();
      news.textContent = words.loaded(page.data.length, title);
      // New rows may have pushed others from one page to the next.
      watcher.now();
    } catch (error) {
      notice("connection", error.message);
    }
    more.disabled = false;
  }

  return {
    element,
    start() {
      window.scrollTo(0, 0);
      const errors = wrong(query);
      if (errors.length) refuse(errors);
      else watcher = watch(refresh, showFailure);
    },
    stop() {
      places.set(place, { pages, scroll: window.scrollY });
      watcher?.stop();
    },
    now: () => watcher?.now(),
  };
}
