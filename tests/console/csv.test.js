// CSV files: written so that no spreadsheet calculates, and cut where a record ends.

import assert from "node:assert/strict";
import { test } from "node:test";
import { cellsOf, delimiterOf, readCell, splitRecords, toCsv, writeCell } from "../../functions/serve_console/static/values/csv.js";

test("no spreadsheet takes a cell for a formula", () => {
  const signs = ["=1+1", "+254704590344", "-5", "@SUM(A1)", "\tx", "\rx", "'=1", "plain", "'quoted", "a=b", ""];
  assert.deepEqual(signs.map(writeCell), ["'=1+1", "'+254704590344", "'-5", "'@SUM(A1)", "'\tx", "'\rx", "''=1", "plain", "'quoted", "a=b", ""]);
  assert.deepEqual(signs.map((text) => readCell(writeCell(text))), signs);
});

test("a file has quotes where it needs them, and numbers as they are", () => {
  assert.equal(toCsv([["name", "n"], ['O"Brien, J', -5], [null, "a\nb"]]), 'name,n\r\n"O""Brien, J",-5\r\n,"a\nb"\r\n');
});

test("records end at line ends outside quotes, however the file is written", () => {
  const text = 'a,b\r\n"1\n2",3\n\n4,"say ""hi"""\r5,6';
  assert.deepEqual(splitRecords(text), ["a,b\r\n", '"1\n2",3\n', '4,"say ""hi"""\r', "5,6"]);
  assert.deepEqual(splitRecords(text).map((record) => cellsOf(record, ",")), [["a", "b"], ["1\n2", "3"], ["4", 'say "hi"'], ["5", "6"]]);
});

test("the sign between cells is the first line's", () => {
  assert.deepEqual(["a,b", "a;b", "a\tb", "\n\nname;\"x,y,z\";b", "alone"].map(delimiterOf), [",", ";", "\t", ";", ","]);
  assert.deepEqual(cellsOf("a;;c", ";"), ["a", "", "c"]);
});
