// The one place that decides what the page says about a text: from its state, the cause and reason of that, its next attempt,
// the order, and whether texts go out at all. Pure: no page, no clock.

import { REASONS, banner, sentences } from "../words/sms.js";

// Later than this the ordinary course takes too long to promise anything.
const SOON_MS = 60_000;
const SENDING_MS = 60_000;
const CONFIRMED_MS = 24 * 60 * 60 * 1000;
// Texts that wait this long are news for everybody.
const STUCK_MS = 10 * 60 * 1000;

// What a text's state means for the person who reads it. `sending` is the answer of `GET sms/status`, or null while it is
// unknown; `now` is in ms; `at(stamp)` writes a time.
export function textSentence(order, { sending, now, at }) {
  const { sms } = order;
  const cause = sms.history.at(-1)?.cause;
  const text = SENTENCES[sms.status]({ order, sms, cause, sending, now, at, why: REASONS[sms.reason] ?? "" });
  const told = ["sending", "sent", "delivered", "unknown"].includes(sms.status);
  return order.status === "cancelled" && told ? `${text} ${sentences.cancelled}` : text;
}

const SENTENCES = {
  queued({ sms, cause, sending, now, at, why }) {
    const due = later(sms.due_at, now);
    if (sending?.sending === "paused") return sentences.paused(pauseReason(sending), at(latest(due, sending.until)));
    if (sending?.sending === "limited") return sentences.limited(at(sending.until));
    if (cause === "held") return due ? sentences.limited(at(due)) : sentences.held;
    if (cause === "deferred") return sentences.deferred(why, due && at(due));
    if (cause === "misconfigured") return sentences.misconfigured(due && at(due));
    if (now - Date.parse(sms.updated_at) > SOON_MS) return sentences.waitsSince(at(sms.updated_at));
    return sending?.sending === "on" ? sentences.soon : sentences.waiting;
  },
  sending: ({ sms, now }) => (now - Date.parse(sms.updated_at) > SENDING_MS ? sentences.sendingLong : sentences.sending),
  sent({ sms, cause, now }) {
    if (now - Date.parse(sms.updated_at) > CONFIRMED_MS) return sentences.sentLong;
    return cause === "report_interim" ? sentences.interim : sentences.sent;
  },
  delivered: () => sentences.delivered,
  undelivered: ({ why }) => sentences.undelivered(why),
  failed: ({ cause, why }) => (cause === "exhausted" ? sentences.exhausted(why) : sentences.refused(why)),
  // Nobody can send the text of a cancelled order or of an erased customer.
  unknown: ({ order }) => (order.status === "cancelled" || !order.customer_name ? sentences.unknownEnded : sentences.unknown),
  suppressed: ({ why }) => why || sentences.suppressed,
};

function later(stamp, now) {
  return stamp && Date.parse(stamp) > now ? stamp : null;
}

function latest(...stamps) {
  return stamps.filter(Boolean).sort().at(-1);
}

// Why sending is paused, in the shop's words.
function pauseReason({ reason }) {
  return reason === "InvalidSenderId" ? banner.sender : banner.settings;
}

// What the banner says about sending, as [sentences], or nothing while texts go out.
export function bannerSentences(status, { now, at, money }) {
  const text = headline(status, { now, at });
  if (!text) return [];
  const { balance, days_left: days } = status;
  return [
    ...text,
    balance && banner.balance(money(balance.amount, balance.currency)),
    days !== null && days !== undefined && banner.daysLeft(days),
  ].filter(Boolean);
}

function headline({ sending, until, balance, queued, oldest_queued_at: oldest, ...status }, { now, at }) {
  if (sending === "paused") return [banner.paused(pauseReason(status)), until && banner.next(at(until)), queued > 0 && banner.queued(queued)];
  if (sending === "limited") return [banner.limited, until && banner.until(at(until)), queued > 0 && banner.queued(queued)];
  const waited = oldest ? now - Date.parse(oldest) : 0;
  // An account that is billed later may be below zero all the time.
  if (waited > SOON_MS && balance && Number(balance.amount) <= 0) return [banner.noCredit, banner.queued(queued)];
  return waited > STUCK_MS ? [banner.waiting(queued, at(oldest))] : null;
}

// What will become of a new order's text, by the outcome of a preview: {none}, why there will be no text; {waits}, why it will
// not go out at once; or {} if it will.
export function outlook(outcome, { sending, at }) {
  if (outcome === "not_asked") return { none: sentences.switchedOff };
  if (outcome !== "will_send" && outcome !== "limit") return { none: REASONS[outcome] ?? sentences.suppressed };
  if (sending?.sending === "paused") return { waits: sentences.paused(pauseReason(sending), sending.until && at(sending.until)) };
  if (sending?.sending === "limited") return { waits: sentences.limited(at(sending.until)) };
  return outcome === "limit" ? { waits: sentences.held } : {};
}

// What has become of the text of an order that a person has just created.
export function createdSentence(order, context) {
  const text = textSentence(order, context);
  return Object.values(UNDER_WAY).includes(text) ? sentences.onItsWay : text;
}
const UNDER_WAY = (({ soon, waiting, sending, sent, interim }) => ({ soon, waiting, sending, sent, interim }))(sentences);

// Some networks never report delivery, and a text that waits for the provider's outage to end rarely changes: poll slowly
// after this long without a change.
const STILL_MS = 5 * 60 * 1000;
export const underWay = ({ sms }, now = Date.now()) =>
  ["queued", "sending", "sent"].includes(sms.status) && now - Date.parse(sms.updated_at) < STILL_MS;

export const canResend = (order) =>
  order.status === "created" && Boolean(order.customer_name) && !["queued", "sending"].includes(order.sms.status);
