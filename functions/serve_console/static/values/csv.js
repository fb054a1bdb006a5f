// Writes and reads CSV. Cells follow the API's rule: no spreadsheet takes them for a formula. Pure.

const FORMULA = /^'*[=+\-@\t\r]/;
const DELIMITERS = [",", ";", "\t"];

// With an apostrophe in front a spreadsheet takes the cell as text; `readCell` takes it off.
export const writeCell = (text) => (FORMULA.test(text) ? `'${text}` : text);
export const readCell = (text) => (text.startsWith("'") && FORMULA.test(text) ? text.slice(1) : text);

const quoted = (cell, delimiter) => (/["\r\n]/.test(cell) || cell.includes(delimiter) ? `"${cell.replaceAll('"', '""')}"` : cell);

// Rows of values as a file. Numbers are written as they are; null is an empty cell.
export function toCsv(rows, delimiter = ",") {
  return rows.map((row) => `${row.map((value) => (typeof value === "number" ? String(value) : quoted(writeCell(String(value ?? "")), delimiter))).join(delimiter)}\r\n`).join("");
}

// What separates the cells: whichever is most often in the first line, outside quotes.
export function delimiterOf(text) {
  const first = (text.split(/\r\n|\n|\r/).find((line) => line.trim()) ?? "").replace(/"[^"]*"?/g, "");
  const count = (sign) => first.split(sign).length;
  return DELIMITERS.reduce((best, sign) => (count(sign) > count(best) ? sign : best));
}

// The file's records, each as it is written, with the end of its line. A line's end within quotes belongs to its cell.
export function splitRecords(text) {
  const records = [];
  let start = 0;
  let inside = false;
  for (let place = 0; place < text.length; place += 1) {
    const sign = text[place];
    if (sign === '"') inside = !inside;
    if (inside || (sign !== "\n" && sign !== "\r")) continue;
    if (sign === "\r" && text[place + 1] === "\n") place += 1;
    records.push(text.slice(start, place + 1));
    start = place + 1;
  }
  if (start < text.length) records.push(text.slice(start));
  return records.filter((record) => record.trim());
}

// The cells of one record.
export function cellsOf(record, delimiter) {
  const cells = [];
  let rest = record.replace(/\r?\n$|\r$/, "");
  for (;;) {
    const [whole, inQuotes] = /^"((?:[^"]|"")*)"/.exec(rest) ?? [];
    const end = whole === undefined ? rest.indexOf(delimiter) : rest.indexOf(delimiter, whole.length);
    const cell = end < 0 ? rest : rest.slice(0, end);
    cells.push(whole === undefined ? cell : inQuotes.replaceAll('""', '"') + cell.slice(whole.length));
    if (end < 0) return cells;
    rest = rest.slice(end + delimiter.length);
  }
}
