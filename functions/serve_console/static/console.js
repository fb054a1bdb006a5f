// The console: which section and which drawer the address (#/section?filters&open=...) asks for.

import { customer, customers, newCustomer } from "./customers.js";
import { $, el, notice } from "./dom.js";
import { newOrder, order, orders } from "./orders.js";
import { person, resume, signIn, signOut, token, whenSessionEnds } from "./signin.js";

const SECTIONS = { orders, customers };
const drawer = $("drawer");
let listed = null; // {address, view}: the list that is shown
let close = () => {};

function read() {
  const [, section, search] = /^#\/(\w+)(?:\?(.*))?$/.exec(location.hash) ?? [];
  const query = Object.fromEntries(new URLSearchParams(search ?? ""));
  const { open, for: whom, ...filters } = query;
  return { section: section in SECTIONS ? section : "orders", filters, open, whom };
}

function address(section, filters, more = {}) {
  const query = new URLSearchParams({ ...filters, ...more });
  return `#/${section}${query.size ? `?${query}` : ""}`;
}

const place = {
  title: (text) => { $("drawer-title").textContent = text; },
  news: (text) => { $("drawer-news").textContent = text; },
  show: (...content) => $("drawer-body").replaceChildren(...content.filter(Boolean)),
  focus: () => $("drawer-title").focus(),
};

function route() {
  if (!token()) return;
  const { section, filters, open, whom } = read();
  const home = address(section, filters);
  for (const link of $("sections").children) {
    if (link.dataset.section === section) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (listed?.address !== home) {
    listed?.view.stop();
    const view = SECTIONS[section]({ query: filters, link: (more) => address(section, filters, more) });
    $("content").replaceChildren(view.element);
    $("content").removeAttribute("aria-busy");
    document.title = `${section === "orders" ? "Orders" : "Customers"} · Sales`;
    if (listed) $("content").focus();
    listed = { address: home, view };
    view.start();
  }
  close();
  close = () => {};
  place.news("");
  if (!open) return drawer.open && drawer.close();
  if (!drawer.open) drawer.showModal();
  const done = (made) => {
    listed.view.stop();
    listed.view.start();
    location.hash = address(section, filters, { open: made.id });
  };
  if (section === "orders") close = open === "new" ? newOrder({ customer: whom, place, done }) : order({ id: open, place });
  else close = open === "new" ? newCustomer({ place, done }) : customer({ id: open, place });
  if (open !== "new") place.focus();
  return undefined;
}

// Closing with Escape, the button or a click beside it is going back to the list.
drawer.addEventListener("close", () => {
  const { section, filters, open } = read();
  close();
  close = () => {};
  if (open) history.replaceState(null, "", address(section, filters));
});
drawer.addEventListener("click", (event) => {
  if (event.target === drawer) drawer.close();
});
$("close").addEventListener("click", () => drawer.close());
$("sign-out").addEventListener("click", () => signOut().catch(fail));
window.addEventListener("hashchange", route);

whenSessionEnds(() => {
  listed?.view.stop();
  close();
  if (drawer.open) drawer.close();
  notice("session", "Your session has ended.", el("button", { type: "button", class: "primary", onclick: () => signIn().catch(fail) }, "Sign in again"));
});

function signedOut(trouble) {
  const button = el("button", { type: "button", class: "primary", onclick: () => signIn().catch(fail) }, "Sign in");
  $("content").removeAttribute("aria-busy");
  $("content").replaceChildren(el("section", { class: "welcome" },
    el("img", { src: "/console/icon.svg", alt: "", width: "64", height: "64" }),
    el("h1", {}, "Sales"),
    el("p", {}, "Customers, their orders, and what became of each text."),
    trouble ? el("p", { class: "error", role: "alert" }, trouble) : "",
    button));
  document.title = "Sign in · Sales";
}

function fail(error) {
  signedOut(`You could not be signed in. ${error.message}`);
}

async function start() {
  if (!(await resume())) return signedOut();
  $("sections").hidden = false;
  $("sign-out").hidden = false;
  $("person").hidden = !person();
  $("person").textContent = person();
  return route();
}

start().catch(fail);
