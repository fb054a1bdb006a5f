// Offers to sign in: the welcome page, and notices while a session ends.

import { $, button, el } from "../page/dom.js";
import { notice } from "../page/notices.js";
import { sentence } from "../values/formats.js";
import { page } from "../words/page.js";
import { session as words } from "../words/session.js";
import { signIn, signInInWindow } from "./session.js";

// The welcome page, with what went wrong, or with one sentence in place of the offer.
export function welcome(trouble, only = "") {
  $("content").removeAttribute("aria-busy");
  $("content").replaceChildren(el("section", { class: "welcome" },
    el("img", { src: $("icon").href, alt: "", width: "64", height: "64" }),
    el("h1", {}, page.product),
    el("p", {}, only || words.welcome),
    trouble && el("p", { class: "error", role: "alert" }, trouble),
    !only && button(words.signIn, () => signInHere(), "primary")));
  if (!only) document.title = words.signInTitle;
}

function signInHere() {
  return signIn().catch((error) => welcome(words.failed(sentence(error.message))));
}

// Offers to sign in without losing what is open: in a second window, or here if the browser blocks that.
export function offerSignIn(text, label, ...others) {
  const again = () => signInInWindow().catch((error) =>
    offerSignIn(words.stillOut(sentence(error.message)), label, () => button(words.here, signInHere)));
  notice("session", text, () => [button(label, again, "primary"), ...others.map((create) => create())]);
}
