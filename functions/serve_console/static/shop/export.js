// The page that saves all customers or orders as a file.

import { call, explain } from "../api/call.js";
import { button, buttons, el } from "../page/dom.js";
import { downloadCsv } from "../page/download.js";
import { field } from "../page/form.js";
import { startOfDay, today } from "../page/shop.js";
import { splitRecords } from "../values/csv.js";
import { exports as words } from "../words/import.js";
import { orders as orderWords } from "../words/orders.js";
import { list as listWords } from "../words/page.js";
import { shopPage } from "./frame.js";

const PAGE = 100; // the API's largest
const AGAIN_MS = 1000;

export function exporting() {
  let stopped = false;
  const from = field(orderWords.from, "from", { type: "date" });
  const to = field(orderWords.to, "to", { type: "date" });
  const dates = () => [from, to].map((each) => each.querySelector("input").value);
  const query = () => {
    const [first, last] = dates();
    return { order_date_from: startOfDay(first), order_date_to: startOfDay(last, 1) };
  };
  const element = shopPage("export", words.title, words.intro,
    part("customers", [], () => ({}), () => ""),
    part("orders", [el("div", { class: "filters" }, from, to)], query, () => (dates().every(Boolean) && dates()[0] > dates()[1] ? listWords.swapped : "")));

  function part(kind, fields, filters, wrong) {
    const told = el("p", { class: "hint", role: "status", "aria-live": "polite" });
    const bar = el("progress", { hidden: true, "aria-label": words.progress });
    const start = button(words.start(kind), save);
    const end = button(words.stop, () => { ended = true; });
    let ended = false;
    end.hidden = true;

    async function save() {
      told.textContent = wrong();
      if (told.textContent) return;
      ended = false;
      busy(true);
      end.focus();
      try {
        const file = await all();
        if (file?.rows) downloadCsv(`${kind}-${today()}.csv`, file.text);
        told.textContent = file ? (file.rows ? words.done(file.rows, kind) : words.none(kind)) : words.stopped;
      } catch (error) {
        told.textContent = explain(error);
      }
      busy(false);
      if (!stopped) start.focus();
    }

    // Returns all pages as one file, {text, rows}, or null if the person has stopped it.
    async function all() {
      const records = [];
      let cursor = null;
      do {
        const query = { ...filters(), limit: PAGE, cursor };
        const page = await patiently(() => call("GET", kind, { query, accept: "text/csv" }));
        // Each page has the header.
        records.push(...splitRecords(page.body).slice(records.length ? 1 : 0));
        cursor = page.cursor;
        told.textContent = words.sofar(records.length - 1, kind);
      } while (cursor && !ended && !stopped);
      return ended || stopped ? null : { text: records.join(""), rows: records.length - 1 };
    }

    function busy(isBusy) {
      bar.hidden = end.hidden = !isBusy;
      start.hidden = isBusy;
    }

    return el("section", { class: "card export", "aria-label": words.kinds[kind] },
      el("h2", {}, words.kinds[kind]), el("p", { class: "hint" }, words.hints[kind]), fields, buttons(start, end), bar, told);
  }

  return {
    element,
    start() {},
    stop() {
      stopped = true;
    },
    now() {},
  };
}

// Once more, if the API or the network was busy for a moment.
async function patiently(ask) {
  try {
    return await ask();
  } catch (error) {
    if (error.status !== undefined && error.status !== 429 && error.status < 500) throw error;
    await new Promise((resume) => { setTimeout(resume, AGAIN_MS); });
    return ask();
  }
}
