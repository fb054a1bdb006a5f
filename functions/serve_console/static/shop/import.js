// The page that imports customers or orders from a file, part by part.

import { call, explain, Problem } from "../api/call.js";
import { button, buttons, el, facts, fill } from "../page/dom.js";
import { download, downloadCsv } from "../page/download.js";
import { pageDrafts } from "../page/drafts.js";
import { imports as words } from "../words/import.js";
import { shopPage } from "./frame.js";
import { partsOf, readAnswer, readImport, refusedFile } from "./import_file.js";

const NAME = "import";
const SHOWN = 100; // of the refused rows; the file has all
const KINDS = ["customers", "orders"];
const MOST_TRIES = 5;
const AGAIN_MS = 2000;

export function importing() {
  const told = el("div", { class: "told", role: "status", "aria-live": "polite" });
  const input = el("input", { type: "file", id: "import-file", accept: ".csv,.txt,.ndjson,.jsonl,text/csv,application/x-ndjson" });
  const drop = el("div", { class: "drop" }, el("label", { for: "import-file" }, words.choose), input, el("p", { class: "hint" }, words.orDrop));
  const kinds = KINDS.map((kind) => el("label", { class: "choice" },
    el("input", { type: "radio", name: "kind", value: kind, checked: kind === KINDS[0] }), words.kinds[kind]));
  const columns = el("p", { class: "hint" });
  const progress = el("div");
  const results = el("div", { class: "results" });
  const element = shopPage(NAME, words.title, words.intro,
    el("div", { class: "card import" },
      el("fieldset", { class: "kinds" }, el("legend", {}, words.what), kinds), columns, drop, told, progress),
    results);
  let run = null; // {kind, name, type, parts, done: the next part, header, rows}
  let stopped = false;

  const kindNow = () => kinds.map((label) => label.firstChild).find(({ checked }) => checked).value;
  const tell = (...content) => told.replaceChildren(...content);

  function reset() {
    columns.textContent = words.columns[kindNow()];
    progress.replaceChildren();
    results.replaceChildren();
    tell();
  }

  async function take(file) {
    reset();
    if (!file) return undefined;
    let text;
    try {
      text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
    } catch {
      return tell(el("p", { class: "error" }, words.notText));
    }
    // A workbook is a zip file, of whatever name.
    if (text.startsWith("PK\u0003\u0004")) return tell(el("p", { class: "error" }, words.notText));
    const { type, header, rows } = readImport(file.name, text);
    if (rows.length === 0) return tell(el("p", { class: "error" }, words.noRows));
    const kind = kindNow();
    run = { kind, name: file.name, type, parts: partsOf({ header, rows }), done: 0, header: "", rows: [], total: rows.length };
    const start = button(words.start(rows.length, kind), send, "primary");
    tell(el("p", {}, words.chosen(file.name, rows.length)), buttons(start));
    return start.focus();
  }

  async function send() {
    const mine = run;
    const bar = el("progress", { max: mine.total, value: mine.rows.length, "aria-label": words.progress });
    const count = el("p", { class: "hint", role: "status" });
    for (const control of [input, ...kinds.map((label) => label.firstChild)]) control.disabled = true;
    pageDrafts.set(NAME, true); // leaving the browser's page asks
    tell();
    progress.replaceChildren(bar, count);
    try {
      while (mine.done < mine.parts.length && !stopped) {
        const part = mine.parts[mine.done];
        count.textContent = words.sofar(mine.rows.length, mine.total);
        const { body } = await patiently(() => call("POST", `${mine.kind}/import`, { file: { type: mine.type, text: part.text } }));
        const { header, rows } = readAnswer(mine.type, body, part.first);
        mine.header = header;
        mine.rows.push(...rows);
        mine.done += 1;
        bar.value = mine.rows.length;
      }
      progress.replaceChildren();
      if (!stopped) show(mine);
    } catch (error) {
      fail(error, mine);
    }
    pageDrafts.delete(NAME);
    for (const control of [input, ...kinds.map((label) => label.firstChild)]) control.disabled = false;
    input.value = "";
  }

  function fail(error, mine) {
    const part = mine.parts[mine.done];
    const refusals = error instanceof Problem ? error.errors.map(({ pointer, detail }) => `${pointer.slice(1)} ${detail}.`) : [];
    // The file itself is wrong: the same part would be refused again.
    const again = error instanceof Problem && [415, 422].includes(error.status) ? null : button(words.goOn, send, "primary");
    fill(progress, el("div", { class: "error", role: "alert" },
      el("p", {}, mine.parts.length > 1 ? words.failedIn(part.first, part.first + part.rows - 1) : words.failed, " ", explain(error)),
      el("ul", {}, refusals.map((refusal) => el("li", {}, refusal)))),
    again && buttons(again));
    if (mine.rows.length) show(mine);
  }

  function show({ kind, name, type, header, rows, total }) {
    const refused = rows.filter(({ result }) => result === "refused");
    const count = (wanted) => rows.filter(({ result }) => result === wanted).length;
    const heading = el("h2", { tabindex: "-1" }, rows.length < total ? words.partly : refused.length ? words.someRefused : words.all);
    results.replaceChildren(el("section", { class: "card" },
      heading,
      facts([
        [words.created, String(count("created"))],
        [words.unchanged, String(count("unchanged"))],
        [words.refused, String(refused.length)],
      ]),
      refused.length > 0 && el("div", { class: "refused" },
        el("p", { class: "hint" }, words.mend),
        buttons(button(words.downloadRefused(refused.length), () => save(`refused-${name}`, type, refusedFile(header, rows)), "primary")),
        el("div", { class: "table", role: "region", tabindex: "0", "aria-label": words.refusedRows },
          el("table", {},
            el("thead", {}, el("tr", {}, [words.row, words.says[kind], words.why].map((title) => el("th", { scope: "col" }, title)))),
            el("tbody", {}, refused.slice(0, SHOWN).map((row) => el("tr", {}, el("th", { scope: "row" }, String(row.number)), el("td", {}, row.says), el("td", {}, row.error)))))),
        refused.length > SHOWN && el("p", { class: "hint" }, words.more(SHOWN)))));
    heading.focus();
  }

  input.addEventListener("change", () => take(input.files[0]));
  for (const kind of kinds) kind.firstChild.addEventListener("change", () => {
    input.value = "";
    reset();
  });
  drop.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (!input.disabled) take(event.dataTransfer.files[0]);
  });

  return {
    element,
    start: reset,
    stop() {
      stopped = true;
    },
    now() {},
  };
}

// Again while the API is busy or its time was not enough: each time it has more of the rows.
async function patiently(send) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof Problem) || ![429, 503].includes(error.status) || tries === MOST_TRIES) throw error;
      await new Promise((resume) => { setTimeout(resume, AGAIN_MS); });
    }
  }
}

function save(name, type, text) {
  if (type === "text/csv") downloadCsv(name, text);
  else download(name, text, type);
}
