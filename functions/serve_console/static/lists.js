// A list: its filters, rows that are kept up to date, and more of them by cursor.

import { call, Problem, watch } from "./api.js";
import { el, notice } from "./dom.js";
import { control, field, showErrors, values } from "./forms.js";

const PAGE = 25;
const MOST = 100; // the API's largest page

// `path` is the API's; `filters` are fields; `row(item)` makes a link's content, `open(item)` its address; `at(item)` is what
// the list is sorted by; `moving(item)` says whether to look again soon; `empty()` makes what stands in the place of no rows.
export function list({ path, title, filters, query, open, row, at, moving, empty, action, columns }) {
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
  let next = null;
  let stop = null;

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
    const asked = new URLSearchParams(values(search));
    location.hash = `#/${path}${asked.size ? `?${asked}` : ""}`;
  });
  search.addEventListener("change", (event) => {
    if (event.target.tagName === "SELECT") search.requestSubmit();
  });

  const element = el("section", { class: "view", "aria-labelledby": "title" },
    el("div", { class: "head" }, el("h1", { id: "title" }, title), action),
    el("details", { class: "filtering", open: filtered || matchMedia("(min-width: 60rem)").matches }, el("summary", {}, filtered ? "Filters (on)" : "Filters"), search),
    news, body);

  // Shows these items, newest first; elements of those that were there are kept, and with them focus and scrolling.
  function show(found) {
    const before = new Map(shown.map((each) => [each.item.id, each]));
    shown = found.map((item, index) => {
      const known = before.get(item.id) ?? { element: el("li"), picture: "" };
      before.delete(item.id);
      const picture = JSON.stringify(item);
      if (known.picture !== picture) {
        const link = el("a", { class: `row ${path}`, href: open(item) }, row(item));
        const focused = known.element.contains(document.activeElement);
        known.element.replaceChildren(link);
        if (focused) link.focus();
      }
      if (items.children[index] !== known.element) items.insertBefore(known.element, items.children[index] ?? null);
      return { element: known.element, picture, item };
    });
    for (const gone of before.values()) gone.element.remove();
    more.hidden = !next;
    blank.hidden = shown.length > 0;
    if (shown.length === 0) blank.replaceChildren(...(filtered ? nothing() : empty()));
  }

  async function look() {
    const limit = Math.min(Math.max(shown.length, PAGE), MOST);
    let page;
    try {
      page = (await call("GET", path, { query: { ...query, limit } })).body;
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 400) throw error;
      refuse(error);
      return false;
    }
    const first = body.hasAttribute("aria-busy");
    for (const each of skeleton) each.remove();
    body.removeAttribute("aria-busy");
    const old = shown.map((each) => each.item);
    const known = new Set(old.map((item) => item.id));
    const fresh = page.data.filter((item) => !known.has(item.id)).length;
    // What is shown and older than this page stays, unless so many are new that there is a gap between.
    const last = page.data.at(-1);
    const tail = page.has_more && fresh < page.data.length ? old.filter((item) => at(item) < at(last)) : [];
    if (tail.length === 0) next = page.next_cursor;
    show([...page.data, ...tail]);
    if (!first && fresh) news.textContent = `${fresh} new in ${title}`;
    return shown.some((each) => moving(each.item));
  }

  function refuse(problem) {
    stop();
    body.hidden = true;
    element.querySelector("details").open = true;
    const errors = problem.errors.map((error) => ({ ...error, pointer: error.pointer.replace("?", "/") }));
    const others = showErrors(search, errors);
    if (others.length || errors.length === 0) notice("connection", [problem.message, ...others].join(" "));
  }

  function nothing() {
    return [el("h2", {}, `No ${title.toLowerCase()} match`), el("p", {}, el("a", { href: `#/${path}` }, "Clear the filters"))];
  }

  async function showMore() {
    more.disabled = true;
    try {
      const page = (await call("GET", path, { query: { ...query, limit: PAGE, cursor: next } })).body;
      const focus = shown.length;
      const known = new Set(shown.map((each) => each.item.id));
      next = page.next_cursor;
      show([...shown.map((each) => each.item), ...page.data.filter((item) => !known.has(item.id))]);
      items.children[focus]?.querySelector("a").focus();
      news.textContent = `${page.data.length} more in ${title}`;
    } catch (error) {
      notice("connection", error.message);
    }
    more.disabled = false;
  }

  return { element, start: () => { stop = watch(look); }, stop: () => stop?.() };
}
