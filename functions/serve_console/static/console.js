// The console: which section and which drawer the address (#/section?filters&open=...) asks for.

import { customer, customers, newCustomer } from "./customers.js";
import { $, el, notice } from "./dom.js";
import { newOrder, order, orders } from "./orders.js";
import { mayWrite, person, resume, signIn, signInBeside, signOut, whenSession } from "./signin.js";

const SECTIONS = { orders, customers };
const drawer = $("drawer");
let started = false;
let listed = null; // {address, view}: the list that is shown
let close = () => {};
let typed = false; // something in the drawer that closing it would lose

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
  // What is shown here is other than in the list.
  changed: () => {
    typed = false;
    listed.view.now();
  },
};

// Nothing else can be reached while the drawer is open: the page behind neither scrolls nor, with its scroll bar gone, moves.
function openDrawer() {
  const root = document.documentElement;
  root.style.setProperty("--scroll-bar", `${window.innerWidth - root.clientWidth}px`);
  drawer.showModal();
}

function route() {
  if (!started) return undefined;
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
  typed = false;
  place.news("");
  if (!open) return drawer.open && drawer.close();
  if (!drawer.open) openDrawer();
  const done = (made) => {
    listed.view.now();
    location.hash = address(section, filters, { open: made.id });
  };
  if (open === "new" && !mayWrite()) {
    place.title("Not allowed");
    place.show(el("p", { class: "blank" }, "Your sign-in allows to read, not to create."));
  } else if (section === "orders") close = open === "new" ? newOrder({ customer: whom, place, done }) : order({ id: open, place });
  else close = open === "new" ? newCustomer({ place, done }) : customer({ id: open, place });
  if (open !== "new") place.focus();
  return undefined;
}

// Closing with Escape, the button or a click beside it is going back to the list.
drawer.addEventListener("close", () => {
  const { section, filters, open } = read();
  close();
  close = () => {};
  typed = false;
  if (open) history.replaceState(null, "", address(section, filters));
  // The row that it was opened from may have left the list.
  if (document.activeElement === document.body) $("content").focus();
});
drawer.addEventListener("input", () => { typed = true; });

// Beside is where the press began and ended; empty space within the drawer is the dialog itself, too.
const beside = ({ clientX, clientY }) => {
  const { left, right, top, bottom } = drawer.getBoundingClientRect();
  return clientX < left || clientX >= right || clientY < top || clientY >= bottom;
};
let pressed = false;
drawer.addEventListener("pointerdown", (event) => { pressed = beside(event); });
drawer.addEventListener("click", (event) => {
  if (event.target !== drawer || !pressed || !beside(event)) return;
  if (typed) place.news("This is not saved yet. To forget it, press ✕ or Escape.");
  else drawer.close();
});
$("close").addEventListener("click", () => drawer.close());
$("sign-out").addEventListener("click", () => signOut().catch((error) => signedOut(error.message)));
window.addEventListener("hashchange", route);

const button = (label, onclick, tone = "primary") => el("button", { type: "button", class: tone, onclick }, label);

// What is open and typed stays; the sign-in is done in a window of its own, or here where the browser opens none.
function offer(text, label, ...others) {
  const again = () => signInBeside().catch((error) =>
    offer(`You are not signed in. ${error.message}`, label, () => button("Sign in here, and lose what is typed", () => signIn().catch(fail), "")));
  notice("session", text, () => [button(label, again), ...others.map((make) => make())]);
}

whenSession({
  ends: () => offer("Your session ends in two minutes.", "Stay signed in"),
  ended: () => offer("Your session has ended. Sign in again to go on where you are.", "Sign in again"),
  begun() {
    notice("session", "");
    if (document.activeElement === document.body) (drawer.open ? place : $("content")).focus();
  },
});

function signedOut(trouble) {
  started = false;
  listed?.view.stop();
  for (const id of ["sections", "person", "sign-out"]) $(id).hidden = true;
  welcome(
    el("h1", {}, "Sales"),
    el("p", {}, "Customers, their orders, and what became of each text."),
    trouble ? el("p", { class: "error", role: "alert" }, trouble) : "",
    button("Sign in", () => signIn().catch(fail)));
  document.title = "Sign in · Sales";
}

function welcome(...content) {
  $("content").removeAttribute("aria-busy");
  $("content").replaceChildren(el("section", { class: "welcome" },
    el("img", { src: "/console/icon.svg", alt: "", width: "64", height: "64" }), content));
}

function fail(error) {
  signedOut(`You could not be signed in. ${error.message}`);
}

async function start() {
  const resumed = await resume();
  if (resumed === null) return welcome(el("h1", {}, "Sales"), el("p", {}, "You can close this window and go on where you were."));
  if (!resumed) return signedOut();
  started = true;
  $("sections").hidden = false;
  $("sign-out").hidden = false;
  $("person").hidden = !person();
  $("person").textContent = person();
  return route();
}

start().catch(fail);
