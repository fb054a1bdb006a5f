// A file of an import: cut into parts that the API takes, and its answers read. Pure.

import { cellsOf, delimiterOf, splitRecords } from "../values/csv.js";

// The API's limits, with room for the header of each part.
export const MOST_ROWS = 1000;
const MOST_BYTES = 900_000;
const CSV = "text/csv";
const JSON_LINES = "application/x-ndjson";

const sizeOf = (text) => new TextEncoder().encode(text).length;
const withEnd = (record) => (/[\r\n]$/.test(record) ? record : `${record}\n`);

// Returns {type, header, rows}: the header of a CSV file, or an empty text, and the rows as they are written.
export function readImport(name, text) {
  const content = text.replace(/^\ufeff/, "");
  if (/\.(ndjson|jsonl)$/i.test(name) || /^\s*\{/.test(content)) {
    return { type: JSON_LINES, header: "", rows: content.split("\n").filter((line) => line.trim()).map((line) => `${line}\n`) };
  }
  const delimiter = delimiterOf(content);
  const [header = "", ...records] = splitRecords(content).map(withEnd);
  // The API leaves rows out that have no text in any cell.
  return { type: CSV, header, rows: records.filter((record) => cellsOf(record, delimiter).some((cell) => cell.trim())) };
}

// Returns the parts in order, as {text, first, rows}: `first` is the number of the part's first row, from 1.
export function partsOf({ header, rows }) {
  const parts = [];
  let part = null;
  let size = 0;
  for (const [place, row] of rows.entries()) {
    const bytes = sizeOf(row);
    if (!part || part.rows === MOST_ROWS || size + bytes > MOST_BYTES) {
      part = { text: header, first: place + 1, rows: 0 };
      size = sizeOf(header);
      parts.push(part);
    }
    part.text += row;
    part.rows += 1;
    size += bytes;
  }
  return parts;
}

// Reads the API's answer to a part. Returns {header, rows: [{number, result, error, text, says}]}: `text` is the row as a file has
// it, `says` what a person knows it by.
export function readAnswer(type, answer, first) {
  if (type === JSON_LINES) {
    const lines = answer.split("\n").filter((line) => line.trim());
    return { header: "", rows: lines.map((line, place) => {
      const { result, error, name, reference } = JSON.parse(line);
      return { number: first + place, result, error: error ?? "", text: `${line}\n`, says: String(name ?? reference ?? "") };
    }) };
  }
  const delimiter = delimiterOf(answer.replace(/^\ufeff/, ""));
  const [header, ...records] = splitRecords(answer.replace(/^\ufeff/, "")).map(withEnd);
  const names = cellsOf(header, delimiter).map((name) => name.trim().toLowerCase().replace(/\s+/g, "_"));
  const said = Math.max(names.indexOf("name"), names.indexOf("reference"), 0);
  return { header, rows: records.map((text, place) => {
    const cells = cellsOf(text, delimiter);
    const [result, error] = ["result", "error"].map((name) => cells[names.indexOf(name)] ?? "");
    return { number: first + place, result, error, text, says: cells[said] ?? "" };
  }) };
}

// The refused rows as a file to correct and send again: the API ignores what it has added.
export const refusedFile = (header, rows) => header + rows.filter(({ result }) => result === "refused").map(({ text }) => text).join("");
