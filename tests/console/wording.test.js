// The wording of texts: templates, and how much to remove to save a segment.

import assert from "node:assert/strict";
import { test } from "node:test";
import { templateProblem } from "../../functions/serve_console/static/shop/template.js";
import { tooMany } from "../../functions/serve_console/static/values/segments.js";

test("a template may have its placeholders, and braces that are doubled", () => {
  for (const text of ["Dear {name}", "{code} {item} {currency} {amount}", "no placeholder", "{{name}}", "a {{ b }} c"]) assert.equal(templateProblem(text), null, text);
});

test("a template's fault is named", () => {
  assert.deepEqual(["", " \n", "Dear {nme}", "Dear {}", "{name!r}", "Dear {name", "name}", "{{name}"].map(templateProblem), [
    { problem: "required" }, { problem: "required" }, { problem: "unknown", name: "nme" }, { problem: "unknown", name: "" },
    { problem: "unknown", name: "name!r" }, { problem: "brackets" }, { problem: "brackets" }, { problem: "brackets" },
  ]);
});

const of = (length, sign = "a") => sign.repeat(length);

test("what is beyond one segment less is too many", () => {
  assert.equal(tooMany(of(160), "GSM-7", 1), 0);
  assert.equal(tooMany(of(161), "GSM-7", 2), 1);
  assert.equal(tooMany(of(306), "GSM-7", 2), 146);
  assert.equal(tooMany(of(307), "GSM-7", 3), 1);
  assert.equal(tooMany(of(71, "ж"), "UCS-2", 2), 1);
  assert.equal(tooMany(of(135, "ж"), "UCS-2", 3), 1);
});

test("a character that takes two places is one to remove, and is never split", () => {
  assert.equal(tooMany(of(81, "€"), "GSM-7", 2), 1);
  assert.equal(tooMany(of(36, "🍬"), "UCS-2", 2), 1);
  // 152 places are used when a character of two comes: the third segment begins there.
  assert.equal(tooMany(`${of(152)}€${of(153)}`, "GSM-7", 3), 2);
});
