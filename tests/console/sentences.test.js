// What the page says about a text, for every state and cause that the state machine allows, under each condition.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { bannerSentences, canResend, createdSentence, outlook, textSentence, underWay } from "../../functions/serve_console/static/sms/sentences.js";
import { money } from "../../functions/serve_console/static/values/formats.js";
import { CAUSES, REASONS, STATE_NAMES } from "../../functions/serve_console/static/words/sms.js";

const NOW = Date.parse("2026-11-30T06:00:00Z");
const at = (stamp) => new Date(stamp).toISOString().slice(0, 16).replace("T", " ");
const ago = (ms) => new Date(NOW - ms).toISOString();
const ahead = (ms) => new Date(NOW + ms).toISOString();
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

const moves = JSON.parse(readFileSync(new URL("states.json", import.meta.url)));
// A new order is queued or suppressed without a cause; an answer after its report changes only the cost.
const pairs = [...new Set([
  ...moves.map(([, cause, after]) => `${after} ${cause}`),
  "queued ", "suppressed ", "sent accepted", "delivered accepted", "undelivered accepted",
])].map((pair) => pair.split(" "));

// The reasons that the API gives with each cause, and one that no clerk can use.
const REASONS_BY_CAUSE = {
  "": [null, "not_asked", "opted_out", "blocked", "not_allowed"],
  deferred: ["DoNotDisturbRejection", "InsufficientBalance", "GatewayError", "http_429", "connect_failed"],
  exhausted: ["InsufficientBalance", "connect_failed", "GatewayError"],
  refused: ["InvalidPhoneNumber", "UnsupportedNumberType", "UserInBlacklist", "RiskHold", "http_400"],
  ambiguous: ["http_503", "no_message_id"],
  lease_expired: ["lease_expired"],
  misconfigured: ["bad_key", "http_403", "InvalidSenderId"],
  report_failure: ["AbsentSubscriber", "UserInBlackList", "NotNetworkSubscriber", "DeliveryFailure", null],
  opted_out: ["opted_out"],
  blocked: ["blocked"],
  held: ["limit"],
  cancelled: ["order_cancelled", "customer_erased", "not_allowed"],
};
const SENDING = {
  unknown: null,
  on: { sending: "on", reason: null, until: null },
  paused: { sending: "paused", reason: "bad_key", until: ahead(10 * MINUTE) },
  limited: { sending: "limited", reason: "limit", until: ahead(DAY) },
};

function* cases() {
  for (const [status, cause] of pairs) {
    for (const reason of REASONS_BY_CAUSE[cause] ?? [null]) {
      if (cause === "" && (status === "queued") !== (reason === null)) continue;
      for (const [condition, sending] of Object.entries(SENDING)) {
        for (const age of [1000, 20 * MINUTE, 2 * DAY]) {
          for (const due of [null, ago(1000), ahead(30 * MINUTE)]) {
            for (const orderStatus of ["created", "cancelled"]) {
              for (const name of ["Amina", null]) {
                // A cancelled order and an erased customer have nothing queued.
                if (status === "queued" && (orderStatus === "cancelled" || !name)) continue;
                const history = [{ at: ago(age), status, ...(cause ? { cause } : {}), ...(reason ? { reason } : {}) }];
                const order = { status: orderStatus, customer_name: name, sms: { status, reason, updated_at: ago(age), due_at: due, history } };
                yield { order, status, cause, reason, condition, sending, age, due, orderStatus, name, text: textSentence(order, { sending, now: NOW, at }) };
              }
            }
          }
        }
      }
    }
  }
}
const all = [...cases()];
const where = (found) => JSON.stringify({ ...found, order: undefined, sending: undefined });

test("every allowed state and cause has a sentence under every condition", () => {
  assert.equal(new Set(all.map(({ status }) => status)).size, Object.keys(STATE_NAMES).length);
  for (const found of all) {
    assert.match(found.text, /^[A-Z].*[.]$/, where(found));
    assert.doesNotMatch(found.text, /undefined|null|NaN|\.\./, where(found));
  }
});

test("every cause has words for the timeline", () => {
  assert.deepEqual(Object.keys(CAUSES).sort(), [...new Set(moves.map(([, cause]) => cause))].sort());
});

test("a text goes out in a moment only while texts go out and nothing has held it up", () => {
  const soon = all.filter(({ text }) => text.includes("in a moment"));
  assert.ok(soon.length);
  for (const found of soon) {
    assert.equal(found.status, "queued");
    assert.equal(found.condition, "on");
    assert.ok(["", "requested"].includes(found.cause), where(found));
    assert.ok(found.age <= MINUTE, where(found));
  }
});

test("while sending is paused a waiting text says so, and when the next try is", () => {
  for (const found of all.filter(({ status, condition }) => status === "queued" && condition === "paused")) {
    assert.match(found.text, /account settings/, where(found));
    assert.ok(found.text.includes(at(found.due && Date.parse(found.due) > Date.parse(SENDING.paused.until) ? found.due : SENDING.paused.until)), where(found));
  }
});

test("at the day’s limit a waiting text says when it goes out", () => {
  for (const found of all.filter(({ status, condition }) => status === "queued" && condition === "limited")) {
    assert.match(found.text, /limit/, where(found));
    assert.ok(found.text.includes(at(SENDING.limited.until)), where(found));
  }
});

test("a next try is named only if it is still to come", () => {
  for (const found of all) {
    const [, named] = /again at (\S+ \S+)\./.exec(found.text) ?? [];
    if (named) assert.ok(Date.parse(`${named.replace(" ", "T")}Z`) > NOW, where(found));
  }
  const retries = all.filter(({ status, cause, due }) => status === "queued" && ["deferred", "misconfigured"].includes(cause) && due && Date.parse(due) > NOW);
  for (const found of retries.filter(({ condition }) => condition === "on")) assert.ok(found.text.includes(at(found.due)), where(found));
});

test("only a text that is still to go out is promised", () => {
  for (const found of all.filter(({ status }) => status !== "queued")) assert.doesNotMatch(found.text, /goes out|try again|waiting to be sent/, where(found));
});

test("nobody is advised to send the text of a cancelled order or an erased customer", () => {
  for (const found of all.filter(({ orderStatus, name }) => orderStatus === "cancelled" || !name)) {
    assert.doesNotMatch(found.text, /send it again/, where(found));
    assert.equal(canResend(found.order), false, where(found));
  }
});

test("what cannot be known is not claimed", () => {
  for (const found of all.filter(({ status }) => status === "unknown")) assert.match(found.text, /can’t tell/, where(found));
  for (const found of all.filter(({ status }) => status !== "delivered")) assert.doesNotMatch(found.text, /on the phone/, where(found));
  for (const found of all.filter(({ status }) => status !== "failed")) assert.doesNotMatch(found.text, /was not sent/, where(found));
});

test("a text that is not sent says why where the reason is one that a clerk knows", () => {
  for (const found of all.filter(({ status, reason }) => ["suppressed", "failed", "undelivered"].includes(status) && REASONS[reason])) {
    assert.ok(found.text.includes(REASONS[found.reason]), where(found));
  }
});

test("repeated attempts are told only where there were several, and the network’s receipt only where it came", () => {
  for (const found of all) {
    assert.equal(/tried until/.test(found.text), found.cause === "exhausted", where(found));
    if (/The network has it/.test(found.text)) assert.equal(found.cause, "report_interim", where(found));
  }
});

test("no sentence has a word of the provider’s or ours", () => {
  for (const found of all) assert.doesNotMatch(found.text, /_|http|GSM|ATX|key|Blacklist/i, where(found));
});

test("a cancelled order whose text is out says that the customer was not told", () => {
  for (const found of all.filter(({ orderStatus, status }) => orderStatus === "cancelled" && ["sent", "delivered", "unknown", "sending"].includes(status))) {
    assert.match(found.text, /was cancelled, and the customer was not told/, where(found));
  }
});

const status = (changes) => ({ sending: "on", reason: null, until: null, balance: { amount: "1000.00", currency: "KES" }, days_left: null, queued: 0, oldest_queued_at: null, ...changes });
const says = (changes) => bannerSentences(status(changes), { now: NOW, at, money }).join(" ");

test("there is no banner while texts go out", () => {
  assert.equal(says({}), "");
  assert.equal(says({ queued: 3, oldest_queued_at: ago(5000) }), "");
  assert.equal(says({ balance: null }), "");
  // An account that is billed later.
  assert.equal(says({ balance: { amount: "-10.00", currency: "KES" } }), "");
});

test("the banner says why texts do not go out, until when, how many wait, and what money is left", () => {
  const paused = says({ sending: "paused", reason: "bad_key", until: ahead(10 * MINUTE), queued: 2, days_left: 12 });
  assert.equal(paused, "Texts are not going out. The provider refuses our account settings. Tell your manager. "
    + "Next try at 2026-11-30 06:10. 2 texts wait. Balance: KES 1,000.00. Enough for about 12 days.");
  assert.match(says({ sending: "paused", reason: "InvalidSenderId", until: null }), /sender id/);
  assert.match(says({ sending: "limited", reason: "limit", until: ahead(DAY), queued: 1 }), /^Today’s limit of texts is reached.*after 2026-12-01 06:00.* 1 text waits\./);
  assert.match(says({ balance: { amount: "0.00", currency: "KES" }, queued: 1, oldest_queued_at: ago(2 * MINUTE) }), /no credit left/);
  assert.match(says({ queued: 4, oldest_queued_at: ago(11 * MINUTE) }), /^4 texts are waiting, the oldest since 2026-11-30 05:49\./);
});

test("a page polls quickly only while a text is under way and has changed lately", () => {
  const order = (state, age) => ({ sms: { status: state, updated_at: ago(age) } });
  assert.equal(underWay(order("sent", MINUTE), NOW), true);
  assert.equal(underWay(order("sent", 6 * MINUTE), NOW), false);
  assert.equal(underWay(order("delivered", 0), NOW), false);
});

test("a new order's text is promised only if it will go out, and each reason is told before and after", () => {
  const will = (outcome, sending) => outlook(outcome, { sending: SENDING[sending], at });
  assert.deepEqual(will("will_send", "on"), {});
  // What is not known yet is not a reason to worry anybody.
  assert.deepEqual(will("will_send", "unknown"), {});
  assert.match(will("will_send", "paused").waits, /^It waits\. The provider refuses our account settings/);
  assert.match(will("will_send", "limited").waits, /limit of texts for today is reached\. It goes out after 2026-12-01/);
  assert.match(will("limit", "on").waits, /limit of texts is reached\. It goes out on a later day/);
  for (const outcome of ["opted_out", "blocked", "not_allowed"]) {
    for (const condition of Object.keys(SENDING)) assert.deepEqual(will(outcome, condition), { none: REASONS[outcome] });
  }
  assert.deepEqual(will("not_asked", "on"), { none: "You switched it off." });
  assert.ok(will("a_reason_of_tomorrow", "on").none);
});

test("what is said after creating an order is the text's sentence, or that it is on its way", () => {
  for (const found of all) {
    const said = createdSentence(found.order, { sending: SENDING[found.condition], now: NOW, at });
    if (said === found.text) continue;
    assert.equal(said, "The text is on its way.", where(found));
    assert.ok(["queued", "sending", "sent"].includes(found.status), where(found));
    assert.ok(!["paused", "limited"].includes(found.condition) || found.status !== "queued", where(found));
    assert.ok(!["deferred", "misconfigured", "held"].includes(found.cause), where(found));
  }
});
