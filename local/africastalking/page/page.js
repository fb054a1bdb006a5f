// Polls /_sandbox/phones and shows what changed. Elements stay as long as their text or phone is listed, which keeps focus,
// scroll position and open details.
"use strict";

const POLL_MS = 700;
const SLOW_MS = 3000;
const $ = (id) => document.getElementById(id);

const ANSWERS = [
  { id: "accept", label: "Accepted", answer: "accept", hint: "Each text is accepted immediately." },
  { id: "slow", label: "Delayed", answer: "accept", latency: SLOW_MS, hint: `Each text is accepted, but the answer takes ${SLOW_MS / 1000} seconds.` },
  { id: "refuse", label: "Refused", answer: "status:407", hint: "Each text is refused permanently (CouldNotRoute), so it fails." },
  { id: "busy", label: "Put off", answer: "http:429", hint: "Each text is refused for now (429), so we try again later." },
  { id: "drop", label: "Dropped", answer: "drop_after", hint: "Each text is accepted, but its answer is lost." },
  { id: "key", label: "Wrong key", answer: "bad_key", hint: "Each text is refused as if the API key were wrong (401), so sending pauses." },
];
const DELIVERIES = {
  success: "delivered", failed: "not delivered", absent: "phone is off", none: "nothing",
  duplicate: "delivered, twice", out_of_order: "delivered, out of order", before_answer: "delivered, before the answer",
};
const STATES = {
  taken: ["○", "Accepted"],
  submitted: ["◐", "On its way"],
  delivered: ["✓", "Delivered"],
  undelivered: ["✕", "Not delivered"],
};

// The provider knows numbers only. A text that greets its reader says who has the phone.
const GREETING = /^(?:Dear|Hello|Hi|Habari|Mpendwa)\s+([^,!:]{1,60})[,!:]/;
const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const phones = new Map(); // number -> {element, texts: message id -> element}
let etag = null;
let behaviour = null;
let changes = 0; // how often this page has changed the behaviour
let waiting = 0; // changes without an answer yet
let queue = Promise.resolve(); // sends changes one after the other
let seen = null; // message ids at the last poll; null before the first

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function clone(id) {
  return $(id).content.firstElementChild.cloneNode(true);
}

function time(element, stamp) {
  const date = new Date(stamp);
  element.dateTime = stamp;
  element.title = date.toLocaleString();
  const today = date.toDateString() === new Date().toDateString();
  put(element, date.toLocaleString(undefined, today ? CLOCK : { ...CLOCK, day: "numeric", month: "short", year: "numeric" }));
}

function timelineEntry(stamp, words) {
  const entry = document.createElement("li");
  const when = document.createElement("time");
  const what = document.createElement("span");
  time(when, stamp);
  what.textContent = words;
  entry.append(when, what);
  return entry;
}

function reported(report) {
  const what = report.failure_reason ? `${report.status} (${report.failure_reason})` : report.status;
  if (report.tried_at === null) return `Report ${what}: due`;
  const answer = report.http_status === null ? "no answer from the webhook" : `webhook answered ${report.http_status}`;
  return `Report ${what}: ${answer}${report.pending ? ", will be posted again" : ""}`;
}

function showText(element, message) {
  const find = (selector) => element.querySelector(selector);
  const [icon, label] = STATES[message.state];
  put(find(".bubble"), message.text);
  put(find(".from"), message.from);
  time(find(".facts time"), message.recorded_at);
  put(find(".size"), `${message.segments} ${message.segments === 1 ? "segment" : "segments"}, ${message.encoding}`);
  // Remove needless zeros, as in "KES 0.8000".
  put(find(".cost"), message.cost.replace(/(\.\d\d\d*?)0+$/, "$1"));
  const state = find(".state");
  state.dataset.state = message.state;
  state.toggleAttribute("data-lost", message.answer_lost);
  put(find(".icon"), icon);
  put(find(".label"), message.answer_lost ? `${label}, but its answer was lost` : label);
  const entries = [timelineEntry(message.recorded_at, `Accepted as ${message.message_id}, answer: ${message.answer}`)];
  for (const report of message.delivery) entries.push(timelineEntry(report.tried_at ?? report.due_at, reported(report)));
  find(".timeline").replaceChildren(...entries);
}

function nameOf({ messages }) {
  return messages.map(({ text }) => GREETING.exec(text)?.[1]).find(Boolean) ?? "";
}

// Digits in any spelling find a number; anything else finds a name or words of a text.
function matches(phone, wanted) {
  const digits = /^[\d\s+()-]+$/.test(wanted) ? wanted.replace(/\D/g, "").replace(/^0/, "") : "";
  const words = [phone.number, nameOf(phone), ...phone.messages.map(({ text }) => text)].join("\n").toLowerCase();
  return (digits && phone.number.includes(digits)) || words.includes(wanted);
}

function filter() {
  const wanted = $("search").value.trim().toLowerCase();
  for (const { element, phone } of phones.values()) element.hidden = !matches(phone, wanted);
  $("none").hidden = !phones.size || [...phones.values()].some(({ element }) => !element.hidden);
}

function showPhone(phone) {
  if (!phones.has(phone.number)) phones.set(phone.number, makePhone(phone.number));
  const entry = phones.get(phone.number);
  entry.phone = phone;
  const { element, texts, shown } = entry;
  put(element.querySelector(".name"), nameOf(phone));
  put(element.querySelector(".count"), phone.messages.length === 1 ? "1 text" : `${phone.messages.length} texts`);
  element.querySelector(".stopped").hidden = !phone.opted_out;
  const reply = element.querySelector(".reply");
  put(reply, phone.opted_out ? "Undo STOP" : "Reply STOP");
  reply.setAttribute("aria-label", `${reply.textContent}, ${phone.number}`);
  reply.dataset.optedOut = phone.opted_out;
  const list = element.querySelector(".texts");
  const wanted = new Set(phone.messages.map((message) => message.message_id));
  for (const [id, item] of texts) {
    if (!wanted.has(id)) { item.remove(); texts.delete(id); shown.delete(id); }
  }
  phone.messages.forEach((message, index) => {
    let item = texts.get(message.message_id);
    if (!item) {
      item = clone("text");
      if (seen !== null) item.classList.add("new");
      texts.set(message.message_id, item);
    }
    const picture = JSON.stringify(message);
    if (shown.get(message.message_id) !== picture) {
      showText(item, message);
      shown.set(message.message_id, picture);
    }
    if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
  });
  return element;
}

function makePhone(number) {
  const element = clone("phone");
  const title = element.querySelector("h3");
  title.id = `phone-${number.replace(/\W/g, "")}`;
  title.querySelector(".number").textContent = number;
  element.setAttribute("aria-labelledby", title.id);
  element.querySelector(".texts").setAttribute("aria-label", `Texts to ${number}, newest first`);
  element.querySelector(".reply").addEventListener("click", (event) => reply(number, event.currentTarget));
  return { element, texts: new Map(), shown: new Map() };
}

function reply(number, button) {
  if (button.dataset.optedOut === "true") return send("DELETE", `/_sandbox/optout/${encodeURIComponent(number)}`);
  return send("POST", "/_sandbox/optout", { phoneNumber: number });
}

// The sandbox replaces its whole behaviour: each change builds on the previous one, answered or not.
function change(part) {
  behaviour = { ...behaviour, ...part };
  changes += 1;
  showBehaviour();
  send("PUT", "/_sandbox/behaviour", behaviour);
}

function showBehaviour() {
  const chosen = ANSWERS.find(
    (choice) => choice.answer === behaviour.default && (choice.latency ?? 0) === behaviour.latency_ms && !behaviour.script.length,
  );
  for (const input of document.querySelectorAll("input[name=answer]")) input.checked = input.value === chosen?.id;
  const script = behaviour.script.length ? `${behaviour.script.length} scripted answers, then ` : "";
  put($("balance"), `The account has ${behaviour.balance.replace(/\B(?=(\d{3})+\.)/g, ",")}.`);
  put($("chosen"), chosen?.label ?? "Set elsewhere");
  put($("answer-hint"), chosen?.hint ?? `Set elsewhere: ${script}${behaviour.default}, ${behaviour.latency_ms} ms.`);
  if (document.activeElement !== $("delivery")) $("delivery").value = behaviour.delivery;
}

function announce(data) {
  const messages = data.phones.flatMap((phone) => phone.messages);
  const fresh = seen === null ? [] : messages.filter((message) => !seen.has(message.message_id));
  if (fresh.length === 1) put($("news"), `New text to ${fresh[0].to}: ${fresh[0].text}`);
  else if (fresh.length) put($("news"), `${fresh.length} new texts`);
  seen = new Set(messages.map((message) => message.message_id));
}

// `seenChanges` is the value of `changes` when the request was sent. Data older than a change does not replace it.
function show(data, seenChanges) {
  if (seenChanges === changes && waiting === 0) behaviour = data.behaviour;
  $("controls").disabled = false;
  if (!$("delivery").options.length) {
    $("delivery").append(...data.deliveries.map((name) => new Option(DELIVERIES[name] ?? name, name)));
    $("magic").replaceChildren(...data.magic_numbers.map((magic) => {
      const row = document.createElement("tr");
      row.append(...[magic.number, magic.code, magic.status].map((value) => {
        const cell = document.createElement("td");
        // Let a status wrap between its words: UnsupportedNumber|Type.
        for (const word of String(value).split(/(?<=[a-z])(?=[A-Z])/)) cell.append(word, document.createElement("wbr"));
        return cell;
      }));
      return row;
    }));
  }
  showBehaviour();
  const wanted = new Set(data.phones.map((phone) => phone.number));
  for (const [number, { element }] of phones) {
    if (!wanted.has(number)) { element.remove(); phones.delete(number); }
  }
  data.phones.forEach((phone, index) => {
    const element = showPhone(phone);
    const current = $("phones").children[index];
    if (current !== element) $("phones").insertBefore(element, current ?? null);
  });
  $("empty").hidden = data.phones.length > 0;
  filter();
  announce(data);
  $("cut").hidden = seen.size < data.newest;
  put($("cut"), `These are the newest ${data.newest} texts. /_sandbox/messages lists them all.`);
}

function connected(is) {
  $("connection").classList.toggle("lost", !is);
  put($("connection"), is ? "Live" : "The sandbox does not answer. Start it with `make run`.");
}

function send(method, path, body) {
  waiting += 1;
  queue = queue.then(() => post(method, path, body));
  return queue;
}

async function post(method, path, body) {
  try {
    const headers = body === undefined ? {} : { "Content-Type": "application/json" };
    const response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    const problem = response.ok ? null : await response.json().catch(() => ({}));
    put($("refused"), problem ? `The sandbox refused this change: ${problem.detail ?? response.status}` : "");
    // Show the sandbox's current behaviour again.
    if (problem) etag = null;
  } catch {
    connected(false);
    etag = null;
  }
  waiting -= 1;
  await refresh().catch(() => connected(false));
}

async function refresh() {
  const seenChanges = changes;
  const response = await fetch("/_sandbox/phones", { cache: "no-store", headers: etag ? { "If-None-Match": etag } : {} });
  if (response.status === 200) {
    show(await response.json(), seenChanges);
    etag = response.headers.get("ETag");
  }
  connected(response.status === 200 || response.status === 304);
}

async function poll() {
  try {
    if (!document.hidden) await refresh();
  } catch {
    connected(false);
  }
  setTimeout(poll, POLL_MS);
}

function makeChoices() {
  for (const choice of ANSWERS) {
    const label = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "answer", value: choice.id });
    const words = document.createElement("span");
    words.textContent = choice.label;
    label.append(input, words);
    $("answers").append(label);
    input.addEventListener("change", () => change({ script: [], default: choice.answer, latency_ms: choice.latency ?? 0 }));
  }
  $("delivery").addEventListener("change", () => change({ delivery: $("delivery").value }));
  $("search").addEventListener("input", filter);
  $("behaviour").addEventListener("submit", (event) => event.preventDefault());
}

$("all-controls").open = matchMedia("(min-width: 40rem)").matches;
makeChoices();
poll();
