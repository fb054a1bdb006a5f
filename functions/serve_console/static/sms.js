// Shows the state of an SMS and its history.

import { el, icon, time } from "./dom.js";

// state: label, tone (its colour), icon, meaning. The contract's Sms.status has the rules.
export const STATES = {
  queued: ["Queued", "busy", "M8 1.500a6.500 6.500 0 1 1 0 13 6.500 6.500 0 0 1 0-13ZM8 4v4.200l2.800 1.800", "It is waiting to be sent."],
  sending: ["Sending", "busy", "M2 8h10M8.500 4 12.500 8l-4 4", "It is being sent."],
  sent: ["Sent", "busy", "M1.500 8 14 2.500 10 13.500 7 9.500ZM7 9.500 14 2.500", "The provider has it. The phone has not confirmed it yet."],
  delivered: ["Delivered", "good", "M1.500 8.500 4.500 11.500 10.500 4.500M7.500 11 8.200 11.500 14.500 4.500", "It is on the phone."],
  undelivered: ["Not delivered", "bad", "M3.500 3.500l9 9M12.500 3.500l-9 9", "The network could not deliver it."],
  failed: ["Failed", "bad", "M8 1.800 15 14H1ZM8 6v3.500M8 11.700v.3", "It was not sent."],
  unknown: ["Unknown", "warn", "M5.500 5.800a2.500 2.500 0 1 1 3.600 2.300C8.300 8.600 8 9 8 10M8 12.700v.3", "We can’t tell whether it was sent. Ask the customer before you send it again."],
  suppressed: ["No text", "mute", "M8 1.500a6.500 6.500 0 1 1 0 13 6.500 6.500 0 0 1 0-13ZM3.500 3.500l9 9", "No text is sent for this order."],
};
const CAUSES = {
  claimed: "Handing it to the provider",
  accepted: "The provider accepted it",
  refused: "The provider refused it",
  deferred: "The provider could not take it, so we will try again",
  exhausted: "The last attempt failed, so we gave up",
  ambiguous: "The provider’s answer was lost",
  lease_expired: "We lost track while sending",
  misconfigured: "The provider refused our account settings, so sending is paused",
  report_interim: "The network has it",
  report_success: "The network confirmed delivery",
  report_failure: "The network could not deliver it",
  opted_out: "The customer has opted out",
  blocked: "The network refuses our sender id for this number",
  held: "The limit of texts is reached, so this one waits until tomorrow",
  cancelled: "The order was cancelled",
  requested: "Requested again",
};
// Reasons that a clerk can use. Any other reason is shown under "Technical details" only.
const REASONS = {
  opted_out: "The customer has opted out",
  not_allowed: "The shop’s settings allow no texts to this number",
  blocked: "The network refuses our sender id for this number",
  limit: "The limit of texts for today is reached. This one goes out tomorrow",
  DoNotDisturbRejection: "the network takes no texts at this hour",
  customer_erased: "The customer’s personal data was erased",
  order_cancelled: "The order was cancelled",
  InsufficientBalance: "no credit is left",
  InvalidPhoneNumber: "the number is not valid",
  UserDoesNotExist: "the number is not in use",
  UserInBlackList: "the number is blocked",
  UserInBlacklist: "the number is blocked",
  UserIsInactive: "the number is not in use",
  NotNetworkSubscriber: "the number belongs to another network",
};
// Texts that are held back for these reasons are "cancelled", but the order is not.
const HELD_BACK = ["customer_erased", "not_allowed"];

// Some networks never report delivery, and a text that waits for the provider's outage to end rarely changes: poll slowly
// after this long without a change.
const STILL_MS = 5 * 60 * 1000;
export const underWay = ({ sms }) =>
  ["queued", "sending", "sent"].includes(sms.status) && Date.now() - Date.parse(sms.updated_at) < STILL_MS;
export const canResend = (order) =>
  order.status === "created" && ["failed", "unknown", "undelivered", "sent", "delivered", "suppressed"].includes(order.sms.status);

export function chip(status) {
  const [label, tone, path, meaning] = STATES[status];
  return el("span", { class: `chip ${tone}`, title: meaning }, icon(path), label);
}

// The state in a sentence; why, for a text that is not sent.
export function meaning({ status, reason }) {
  return status === "suppressed" && REASONS[reason] ? `${REASONS[reason]}.` : STATES[status][3];
}

// Why an order would send no text, by the outcome of a preview; nothing if it would.
export const heldBack = (outcome) => REASONS[outcome];

export function bubble(sms) {
  return el("p", { class: "bubble" }, sms.text ?? "The text is no longer kept.");
}

export function size(segments) {
  return `${segments} ${segments === 1 ? "segment" : "segments"}`;
}

export function timeline(history) {
  return el("ol", { class: "timeline" }, history.map((event, index) => {
    const [label, tone, path] = STATES[event.status];
    return el("li", { class: tone }, icon(path), el("div", {},
      el("p", {}, el("strong", {}, label), " ", time(event.at, { exact: true, after: history[index - 1]?.at })),
      el("p", { class: "hint" }, story(event).join(" · "))));
  }));
}

function story({ cause, reason, attempt }) {
  const parts = [cause ? CAUSES[cause] : "The order was created"];
  // A requested text's reason is what a person typed.
  if (reason && cause === "requested") parts.push(`“${reason}”`);
  else if (cause === "cancelled" && HELD_BACK.includes(reason)) parts[0] = REASONS[reason];
  else if (REASONS[reason] && REASONS[reason] !== parts[0]) parts.push(REASONS[reason]);
  if (attempt) parts.push(`attempt ${attempt}`);
  return parts;
}

// The facts for an operator: encoding, the provider's message ids, and the reason codes of the history.
export function technicalFacts(sms) {
  const distinct = (found) => [...new Set(found.filter(Boolean))].join(", ");
  return [
    ["Encoding", sms.encoding],
    ["Message id", distinct(sms.history.map((event) => event.message_id))],
    ["Reasons", distinct(sms.history.map((event) => event.cause !== "requested" && event.reason))],
  ];
}
