// Files of imports and exports: cut into parts, and their answers read.

import assert from "node:assert/strict";
import { test } from "node:test";
import { partsOf, readAnswer, readImport, refusedFile } from "../../functions/serve_console/static/shop/import_file.js";

const lines = (count, of = (number) => `Name ${number},070000${String(number).padStart(4, "0")},a@example.com\n`) => Array.from({ length: count }, (_, number) => of(number)).join("");

test("a file is cut into parts of a thousand rows, each with the header", () => {
  const file = readImport("customers.csv", `\ufeffname,phone_number,email\r\n${lines(2001)}`);
  const parts = partsOf(file);
  assert.deepEqual(parts.map(({ first, rows }) => [first, rows]), [[1, 1000], [1001, 1000], [2001, 1]]);
  assert.ok(parts.every(({ text }) => text.startsWith("name,phone_number,email\r\n")));
  assert.equal(parts.map(({ text }) => text.slice("name,phone_number,email\r\n".length)).join(""), lines(2001));
});

test("no part is larger than the API takes, and no cell is cut in two", () => {
  const long = `"first line\nsecond ${"é".repeat(1000)}",0700000000,a@example.com\n`;
  const parts = partsOf(readImport("c.csv", `name,phone_number,email\n${long.repeat(1000)}`));
  assert.ok(parts.length > 2);
  assert.ok(parts.every(({ text }) => new TextEncoder().encode(text).length < 1_000_000));
  assert.equal(parts.reduce((sum, { rows }) => sum + rows, 0), 1000);
  assert.ok(parts.every(({ text, rows }) => text === `name,phone_number,email\n${long.repeat(rows)}`));
});

test("rows without text do not count, and a last line needs no end", () => {
  const { rows } = readImport("c.csv", "name;phone_number;email\nA;0700000000;a@example.com\n;;\n\nB;0700000001;b@example.com");
  assert.deepEqual(rows, ["A;0700000000;a@example.com\n", "B;0700000001;b@example.com\n"]);
});

test("JSON lines are known by name or content", () => {
  for (const name of ["c.jsonl", "c.ndjson", "c.txt"]) {
    assert.deepEqual(readImport(name, '{"name": "A"}\n\n{"name": "B"}'), { type: "application/x-ndjson", header: "", rows: ['{"name": "A"}\n', '{"name": "B"}\n'] });
  }
});

test("the refused rows come back as a file to correct", () => {
  const answer = 'name;phone_number;result;id;code;error\nA;0700000000;created;1;7KQ2-M9XA;\n"B; and Sons";07;refused;;;"phone_number: is too short; enter it again"\n';
  const { header, rows } = readAnswer("text/csv", answer, 1001);
  assert.deepEqual(rows.map(({ number, result, error, says }) => [number, result, error, says]), [
    [1001, "created", "", "A"],
    [1002, "refused", "phone_number: is too short; enter it again", "B; and Sons"],
  ]);
  assert.equal(refusedFile(header, rows), 'name;phone_number;result;id;code;error\n"B; and Sons";07;refused;;;"phone_number: is too short; enter it again"\n');
});

test("the answer to JSON lines is read as well", () => {
  const answer = '{"reference": "r1", "result": "unchanged", "error": null}\n{"reference": "r2", "result": "refused", "error": "amount: is missing"}\n';
  const { header, rows } = readAnswer("application/x-ndjson", answer, 1);
  assert.deepEqual(rows.map(({ result, error, says }) => [result, error, says]), [["unchanged", "", "r1"], ["refused", "amount: is missing", "r2"]]);
  assert.equal(refusedFile(header, rows), `${answer.split("\n")[1]}\n`);
});
