// The drawer: one item or form over the list. Whichever way a person leaves it (Escape, ✕, a click outside, Back, a link), what
// they typed can be had back; leaving the page asks.

import { page } from "../words/page.js";
import { $, button, fill } from "./dom.js";
import { draftOf, pageDrafts, restore } from "./drafts.js";
import { notice } from "./notices.js";
import { go } from "./places.js";

const UNDO_MS = 60_000;
const dialog = $("drawer");
const body = $("drawer-body");
let shown = null; // {address} of what is shown
let stop = () => {};
let wanted = null; // {address, draft}: what to type again once its form is there
let undoTimer = null;
let exit = () => {};

// Shows what `start(panel)` shows, which returns a function that ends it. `panel` has
// - title(text), show(...content), focus();
// - news(text): what has changed, for people who cannot see it change;
// - confirm(text, ...actions): what a person has just done, until the drawer shows something else;
// - isOpen(): whether the drawer still shows this.
export function openDrawer(place, start) {
  left();
  const mine = { address: place };
  shown = mine;
  if (!dialog.open) open();
  const isOpen = () => shown === mine;
  const whileOpen = (act) => (...given) => isOpen() && act(...given);
  stop = start({
    isOpen,
    title: whileOpen((text) => { $("drawer-title").textContent = text; }),
    news: whileOpen((text) => { $("drawer-news").textContent = text; }),
    confirm: whileOpen((text, ...actions) => $("drawer-done").replaceChildren(text, ...actions)),
    focus: whileOpen(() => $("drawer-title").focus()),
    show: whileOpen((...content) => {
      fill(body, ...content);
      // Once the form listens to what is typed.
      queueMicrotask(() => {
        if (isOpen() && wanted?.address === place && restore(body, wanted.draft)) wanted = null;
      });
    }),
  }) ?? (() => {});
}

export function closeDrawer() {
  left();
  if (dialog.open) dialog.close();
}

export const isDrawerOpen = () => dialog.open;
export const focusDrawer = () => $("drawer-title").focus();

// Calls `left()` when a person closes the drawer.
export function onExit(callback) {
  exit = callback;
}

// Gives up what was typed, for ever: another person is about to use the page.
export function forgetDrafts() {
  wanted = null;
  pageDrafts.clear();
  notice("discarded", "");
  body.replaceChildren();
}

// The list behind the open drawer does not scroll; the margin keeps it in place when its scroll bar goes.
function open() {
  const root = document.documentElement;
  root.style.setProperty("--scroll-bar", `${window.innerWidth - root.clientWidth}px`);
  dialog.showModal();
}

function left() {
  if (!shown) return;
  const { address } = shown;
  const draft = draftOf(body);
  if (draft) offerUndo(() => {
    wanted = { address, draft };
    go(address);
  });
  stop();
  stop = () => {};
  shown = null;
  body.replaceChildren();
  for (const id of ["drawer-news", "drawer-done"]) $(id).replaceChildren();
}

function offerUndo(undo) {
  const end = () => notice("discarded", "");
  end();
  notice("discarded", page.discarded, () => button(page.undo, () => {
    end();
    undo();
  }));
  clearTimeout(undoTimer);
  undoTimer = setTimeout(end, UNDO_MS);
}

dialog.addEventListener("close", () => {
  // The event comes late: the drawer may be open again.
  if (!shown || dialog.open) return;
  left();
  exit();
});
window.addEventListener("beforeunload", (event) => {
  if (draftOf(body) || pageDrafts.size) event.preventDefault();
});

// Both press and release must be outside. A click on empty space in the drawer has the dialog as its target too, so compare
// positions.
const isOutside = ({ clientX, clientY }) => {
  const { left: start, right, top, bottom } = dialog.getBoundingClientRect();
  return clientX < start || clientX >= right || clientY < top || clientY >= bottom;
};
let pressedOutside = false;
dialog.addEventListener("pointerdown", (event) => { pressedOutside = isOutside(event); });
dialog.addEventListener("click", (event) => {
  if (event.target === dialog && pressedOutside && isOutside(event)) dialog.close();
});
$("close").addEventListener("click", () => dialog.close());
