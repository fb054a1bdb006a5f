// Shows an order's text: its state, its words and its history.

import { el, icon, time } from "../page/dom.js";
import { actor } from "../session/session.js";
import { CAUSES, content, REASONS, STATE_NAMES, story, technical } from "../words/sms.js";

// state: tone (its colour) and icon.
const MARKS = {
  queued: ["busy", "M8 1.500a6.500 6.500 0 1 1 0 13 6.500 6.500 0 0 1 0-13ZM8 4v4.200l2.800 1.800"],
  sending: ["busy", "M2 8h10M8.500 4 12.500 8l-4 4"],
  sent: ["busy", "M1.500 8 14 2.500 10 13.500 7 9.500ZM7 9.500 14 2.500"],
  delivered: ["good", "M1.500 8.500 4.500 11.500 10.500 4.500M7.500 11 8.200 11.500 14.500 4.500"],
  undelivered: ["bad", "M3.500 3.500l9 9M12.500 3.500l-9 9"],
  failed: ["bad", "M8 1.800 15 14H1ZM8 6v3.500M8 11.700v.3"],
  unknown: ["warn", "M5.500 5.800a2.500 2.500 0 1 1 3.600 2.300C8.300 8.600 8 9 8 10M8 12.700v.3"],
  suppressed: ["mute", "M8 1.500a6.500 6.500 0 1 1 0 13 6.500 6.500 0 0 1 0-13ZM3.500 3.500l9 9"],
};
// Texts that are held back for these reasons are "cancelled", but the order is not.
const HELD_BACK = ["customer_erased", "not_allowed"];

export function chip(status) {
  const [tone, path] = MARKS[status];
  return el("span", { class: `chip ${tone}` }, icon(path), STATE_NAMES[status]);
}

// The words of a text. Those of one that was not sent do not look like a message.
export function bubble(sms) {
  const missing = sms.reason === "not_asked" ? content.none : content.gone;
  return el("p", { class: sms.text ? `bubble${sms.status === "suppressed" ? " unsent" : ""}` : "hint" }, sms.text ?? missing);
}

export function timeline(history) {
  return el("ol", { class: "timeline" }, history.map((event, index) => {
    const [tone, path] = MARKS[event.status];
    return el("li", { class: tone }, icon(path), el("div", {},
      el("p", {}, el("strong", {}, STATE_NAMES[event.status]), " ", time(event.at, { exact: true, after: history[index - 1]?.at })),
      el("p", { class: "hint" }, told(event).join(" · "))));
  }));
}

function told({ cause, reason, attempt, by }) {
  const why = REASONS[reason]?.replace(/\.$/, "");
  const parts = [cause ? CAUSES[cause] : story.created];
  // A requested text's reason is what a person typed.
  if (reason && cause === "requested") parts.push(story.quoted(reason));
  else if (cause === "cancelled" && HELD_BACK.includes(reason)) parts[0] = why;
  else if (why && why !== parts[0]) parts.push(why);
  if (attempt && cause === "claimed") parts.push(story.attempt(attempt));
  // The provider's part is in the words already.
  if (by && by !== "provider") parts.push(story.by(actor(by)));
  return parts;
}

// The facts for an operator: encoding, the provider's message ids, and the reason codes of the history.
export function technicalFacts(sms) {
  const distinct = (found) => [...new Set(found.filter(Boolean))].join(", ");
  return [
    [technical.encoding, sms.encoding],
    [technical.messageId, distinct(sms.history.map((event) => event.message_id))],
    [technical.reasons, distinct(sms.history.map((event) => event.cause !== "requested" && event.reason))],
  ];
}
