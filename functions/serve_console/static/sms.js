// How an SMS's state and what happened to it are said and shown.

import { el, icon, time } from "./dom.js";

// state: label, tone (its colour), icon, what it means. The contract's Sms.status has the rules.
export const STATES = {
  queued: ["Queued", "busy", "M8 1.500a6.500 6.500 0 1 1 0 13 6.500 6.500 0 0 1 0-13ZM8 4v4.200l2.800 1.800", "It goes out in a moment."],
  sending: ["Sending", "busy", "M2 8h10M8.500 4 12.500 8l-4 4", "It is being handed to the gateway."],
  sent: ["Sent", "busy", "M1.500 8 14 2.500 10 13.500 7 9.500ZM7 9.500 14 2.500", "The gateway has it; the phone has not confirmed it yet."],
  delivered: ["Delivered", "good", "M1.500 8.500 4.500 11.500 10.500 4.500M7.500 11 8.200 11.500 14.500 4.500", "It is on the phone."],
  undelivered: ["Not delivered", "bad", "M3.500 3.500l9 9M12.500 3.500l-9 9", "The network could not deliver it."],
  failed: ["Failed", "bad", "M8 1.800 15 14H1ZM8 6v3.500M8 11.700v.3", "It was certainly not sent."],
  unknown: ["Unknown", "warn", "M5.500 5.800a2.500 2.500 0 1 1 3.600 2.300C8.300 8.600 8 9 8 10M8 12.700v.3", "It may have been sent. It is never sent again by itself."],
  suppressed: ["Not to be sent", "mute", "M8 1.500a6.500 6.500 0 1 1 0 13 6.500 6.500 0 0 1 0-13ZM3.500 3.500l9 9", "No text goes out for this order."],
};
const CAUSES = {
  claimed: "Handing it to the gateway",
  accepted: "The gateway took it",
  refused: "The gateway refused it for good",
  deferred: "The gateway does not take it now; it is tried again",
  exhausted: "Given up after the last try",
  ambiguous: "The gateway’s answer was lost",
  lease_expired: "The sender disappeared before it could say",
  misconfigured: "The gateway refuses key or sender id; sending pauses",
  report_interim: "The network has it",
  report_success: "The network reports it delivered",
  report_failure: "The network reports it not delivered",
  opted_out: "The customer takes no texts",
  cancelled: "The order was cancelled",
  requested: "Asked for again",
};

// Networks that send no report leave a text `sent` for ever, and one that waits for a gateway's outage to end moves rarely.
const STILL_MS = 5 * 60 * 1000;
export const underWay = ({ sms }) =>
  ["queued", "sending", "sent"].includes(sms.status) && Date.now() - Date.parse(sms.updated_at) < STILL_MS;
export const canResend = (order) =>
  order.status === "created" && ["failed", "unknown", "undelivered", "sent", "delivered"].includes(order.sms.status);

export function chip(status) {
  const [label, tone, path, meaning] = STATES[status];
  return el("span", { class: `chip ${tone}`, title: meaning }, icon(path), label);
}

export function bubble(sms) {
  return el("p", { class: "bubble" }, sms.text ?? "No text is kept.");
}

export function size(segments, encoding) {
  return `${segments} ${segments === 1 ? "segment" : "segments"}, ${encoding}`;
}

export function timeline(history) {
  return el("ol", { class: "timeline" }, history.map((event, index) => {
    const [label, tone, path] = STATES[event.status];
    const why = event.cause ? CAUSES[event.cause] : "The order was created";
    const notes = [event.reason && `“${event.reason}”`, event.attempt && `attempt ${event.attempt}`, event.message_id];
    return el("li", { class: tone }, icon(path), el("div", {},
      el("p", {}, el("strong", {}, label), " ", time(event.at, { exact: true, after: history[index - 1]?.at })),
      el("p", { class: "hint" }, [why, ...notes.filter(Boolean)].join(" · "))));
  }));
}
