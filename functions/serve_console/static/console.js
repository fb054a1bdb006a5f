// The console: shows the section and the drawer that the address names (#/section?filters&open=...).

import { sentence } from "./api.js";
import { customer, customers, newCustomer } from "./customers.js";
import { $, el, notice } from "./dom.js";
import { newOrder, order, orders } from "./orders.js";
import { mayWrite, onSession, person, resume, signIn, signInInWindow, signOut } from "./signin.js";

const SECTIONS = { orders, customers };
const drawer = $("drawer");
let started = false;
let list = null; // {address, view}: the list that is shown
let close = () => {};
let unsaved = false; // whether closing the drawer would lose typed text

function read() {
  const [, section, search] = /^#\/(\w+)(?:\?(.*))?$/.exec(location.hash) ?? [];
  const query = Object.fromEntries(new URLSearchParams(search ?? ""));
  const { open, for: recipient, ...filters } = query;
  return { section: section in SECTIONS ? section : "orders", filters, open, recipient };
}

function address(section, filters, more = {}) {
  const query = new URLSearchParams({ ...filters, ...more });
  return `#/${section}${query.size ? `?${query}` : ""}`;
}

// The drawer, as orders and customers use it.
const panel = {
  title: (text) => { $("drawer-title").textContent = text; },
  news: (text) => { $("drawer-news").textContent = text; },
  show: (...content) => $("drawer-body").replaceChildren(...content.filter(Boolean)),
  focus: () => $("drawer-title").focus(),
  // Call it after saving: the list refreshes.
  changed: () => {
    unsaved = false;
    list.view.now();
  },
};

// The list behind the open drawer does not scroll; the margin keeps it in place when its scroll bar goes.
function openDrawer() {
  const root = document.documentElement;
  root.style.setProperty("--scroll-bar", `${window.innerWidth - root.clientWidth}px`);
  drawer.showModal();
}

function route() {
  if (!started) return undefined;
  const { section, filters, open, recipient } = read();
  const home = address(section, filters);
  for (const link of $("sections").children) {
    if (link.dataset.section === section) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (list?.address !== home) {
    list?.view.stop();
    const view = SECTIONS[section]({ query: filters, link: (more) => address(section, filters, more) });
    $("content").replaceChildren(view.element);
    $("content").removeAttribute("aria-busy");
    document.title = `${section === "orders" ? "Orders" : "Customers"} · Sales`;
    if (list) $("content").focus();
    list = { address: home, view };
    view.start();
  }
  close();
  close = () => {};
  unsaved = false;
  panel.news("");
  if (!open) return drawer.open && drawer.close();
  if (!drawer.open) openDrawer();
  const done = (created) => {
    list.view.now();
    location.hash = address(section, filters, { open: created.id });
  };
  if (open === "new" && !mayWrite()) {
    panel.title("Not allowed");
    panel.show(el("p", { class: "blank" }, "You can view but not create."));
  } else if (section === "orders") close = open === "new" ? newOrder({ customer: recipient, panel, done }) : order({ id: open, panel });
  else close = open === "new" ? newCustomer({ panel, done }) : customer({ id: open, panel });
  if (open !== "new") panel.focus();
  return undefined;
}

// Escape, the button and a click outside the drawer all return to the list.
drawer.addEventListener("close", () => {
  const { section, filters, open } = read();
  close();
  close = () => {};
  unsaved = false;
  if (open) history.replaceState(null, "", address(section, filters));
  // The row that opened the drawer may have left the list.
  if (document.activeElement === document.body) $("content").focus();
});
drawer.addEventListener("input", () => { unsaved = true; });

// Both press and release must be outside. A click on empty space in the drawer has the dialog as its target too, so compare
// positions.
const isOutside = ({ clientX, clientY }) => {
  const { left, right, top, bottom } = drawer.getBoundingClientRect();
  return clientX < left || clientX >= right || clientY < top || clientY >= bottom;
};
let pressedOutside = false;
drawer.addEventListener("pointerdown", (event) => { pressedOutside = isOutside(event); });
drawer.addEventListener("click", (event) => {
  if (event.target !== drawer || !pressedOutside || !isOutside(event)) return;
  if (unsaved) panel.news("You have unsaved changes. Press ✕ or Escape to discard them.");
  else drawer.close();
});
$("close").addEventListener("click", () => drawer.close());
$("sign-out").addEventListener("click", () => signOut().catch((error) => signedOut(error.message)));
window.addEventListener("hashchange", route);

const button = (label, onclick, tone = "primary") => el("button", { type: "button", class: tone, onclick }, label);

// Offers to sign in without losing what is open: in a second window, or here if the browser blocks that.
function offerSignIn(text, label, ...others) {
  const again = () => signInInWindow().catch((error) =>
    offerSignIn(`You are not signed in. ${sentence(error.message)}`, label, () => button("Sign in here and lose your changes", () => signIn().catch(fail), "")));
  notice("session", text, () => [button(label, again), ...others.map((create) => create())]);
}

onSession({
  ending: () => offerSignIn("Your session ends in two minutes.", "Stay signed in"),
  ended: () => offerSignIn("Your session has ended. Sign in again to continue.", "Sign in again"),
  renewed() {
    notice("session", "");
    if (document.activeElement === document.body) (drawer.open ? panel : $("content")).focus();
  },
});

function signedOut(trouble) {
  started = false;
  list?.view.stop();
  for (const id of ["sections", "person", "sign-out"]) $(id).hidden = true;
  welcome(
    el("h1", {}, "Sales"),
    el("p", {}, "Your customers, their orders, and whether each text arrived."),
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
  signedOut(`Sign-in failed. ${sentence(error.message)}`);
}

async function start() {
  const resumed = await resume();
  if (resumed === null) return welcome(el("h1", {}, "Sales"), el("p", {}, "Close this window to continue where you were."));
  if (!resumed) return signedOut();
  started = true;
  $("sections").hidden = false;
  $("sign-out").hidden = false;
  $("person").hidden = !person();
  $("person").textContent = person();
  return route();
}

start().catch(fail);
