// The console: shows the section and the drawer that the address names.

import { watchSending } from "./api/sending.js";
import { findBox } from "./find/find.js";
import { address, read } from "./page/address.js";
import { $, el } from "./page/dom.js";
import { closeDrawer, focusDrawer, forgetDrafts, isDrawerOpen, onExit, openDrawer } from "./page/drawer.js";
import { notice } from "./page/notices.js";
import * as places from "./page/places.js";
import { setTitle } from "./page/title.js";
import { watchAttention } from "./orders/attention.js";
import { entries, entryOf, prepare, sections } from "./sections.js";
import { started } from "./session/begin.js";
import { offerSignIn, welcome } from "./session/offers.js";
import { mayWrite, onSession, person, signOut } from "./session/session.js";
import { page } from "./words/page.js";
import { session as words } from "./words/session.js";

// The state of sending can wait for the first list.
const SENDING_AFTER_MS = 1000;
const FORMS_AFTER_MS = 2000;
let running = false;
let shown = null; // {home, view}: the section's list or page
const find = findBox({ section: () => current().section });
let created = null; // the id of what this person created last

function current() {
  const { section, values: { open, for: recipient, ...filters } } = read(location.hash);
  const known = sections();
  return { section: section in known ? section : Object.keys(known)[0], filters, open, recipient };
}

function route() {
  if (!running) return;
  const { section, filters, open, recipient } = current();
  const home = address(section, filters);
  places.at(address(section, { ...filters, open, for: recipient }));
  for (const link of $("sections").children) {
    if (link.dataset.section === entryOf(section)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (shown?.home !== home) showSection(section, filters, home);
  if (open && sections()[section].item) showDrawer(section, filters, open, recipient);
  else closeDrawer();
}

function showSection(name, filters, home) {
  const { label, view: create } = sections()[name];
  const first = !shown;
  shown?.view.stop();
  const view = create({ query: filters, link: (more) => address(name, { ...filters, ...more }) });
  shown = { home, view };
  // The lists share one search box.
  $("content").replaceChildren(...(sections()[name].item ? [find] : []), view.element);
  $("content").removeAttribute("aria-busy");
  setTitle(label);
  if (!first) $("content").focus();
  view.start();
}

function showDrawer(name, filters, open, recipient) {
  const section = sections()[name];
  const place = address(name, { ...filters, open, for: recipient });
  const changed = () => shown.view.now();
  const isNew = open === created;
  created = null;
  if (open !== "new") {
    openDrawer(place, (panel) => section.item({ id: open, panel, changed, isNew }));
    return focusDrawer();
  }
  return openDrawer(place, (panel) => {
    if (!mayWrite()) {
      panel.title(page.notAllowed);
      return panel.show(el("p", { class: "blank" }, page.mayOnlyView));
    }
    return section.create({
      customer: recipient,
      panel,
      done({ id }) {
        changed();
        if (!panel.isOpen()) return notice("created", section.created);
        created = id;
        return places.replace(address(name, { ...filters, open: id }));
      },
    });
  });
}

onExit(() => {
  const { section, filters } = current();
  places.leave(address(section, filters));
  // The row that opened the drawer may have left the list.
  if (document.activeElement === document.body) $("content").focus();
});

onSession({
  ending: () => offerSignIn(words.ending, words.stay),
  ended: () => offerSignIn(words.ended, words.again),
  renewed() {
    notice("session", "");
    if (document.activeElement === document.body) (isDrawerOpen() ? focusDrawer : () => $("content").focus())();
  },
  started: run,
  leaving: forgetDrafts,
});

function signedOut(trouble) {
  running = false;
  shown?.view.stop();
  shown = null;
  document.documentElement.classList.remove("signed-in");
  welcome(trouble);
}

function run() {
  running = true;
  document.documentElement.classList.add("signed-in");
  const { section } = current();
  $("sections").replaceChildren(...entries().map(([name, label]) =>
    el("a", { href: `#/${name}`, "data-section": name, "aria-current": name === entryOf(section) && "page" }, label)));
  $("person").textContent = person();
  places.begin(route);
  setTimeout(() => watchSending().then(watchAttention), SENDING_AFTER_MS);
  if (mayWrite()) setTimeout(prepare, FORMS_AFTER_MS);
}

$("sign-out").addEventListener("click", () => signOut().catch((error) => signedOut(error.message)));

started.then((signedIn) => signedIn && run());
