// What a search can mean, whom it found, and the keys of what a form creates.

import assert from "node:assert/strict";
import { test } from "node:test";
import { keys } from "../../functions/serve_console/static/api/keys.js";
import { isExact, theOne } from "../../functions/serve_console/static/customers/exact.js";
import { readings } from "../../functions/serve_console/static/find/readings.js";
import { find } from "../../functions/serve_console/static/words/find.js";

const READ = {
  "mama njeri": { order: false, kinds: ["name", "reference"], tooShort: false },
  "0704 590 344": { order: false, kinds: ["number", "reference"], tooShort: false },
  "+254 (704) 590-344": { order: false, kinds: ["number", "reference"], tooShort: false },
  344: { order: false, kinds: ["reference"], tooShort: true },
  "7kq2m9xa": { order: true, kinds: ["name", "code", "reference"], tooShort: false },
  "7KQ2-M9XA": { order: true, kinds: ["name", "code", "reference"], tooShort: false },
  "2345-6789": { order: true, kinds: ["number", "code", "reference"], tooShort: false },
  "jane doee": { order: false, kinds: ["name", "reference"], tooShort: false },
  "INV-1007": { order: false, kinds: ["name", "reference"], tooShort: false },
  "0d6ebd3e-6d8a-8a4f-9a4b-0a7c7b6d5e4f": { order: true, kinds: ["name", "code", "reference"], tooShort: false },
};
for (const [text, expected] of Object.entries(READ)) test(`"${text}" is tried as ${expected.kinds}`, () => assert.deepEqual(readings(text), expected));

test("what was tried is said, and what would help", () => {
  assert.equal(find.nothing("qqq", ["name", "reference"], false), "Nothing found for “qqq”. We looked for a name or an order number.");
  assert.equal(find.nothing("34", ["reference"], true), "Nothing found for “34”. We looked for an order number. Type at least four digits of a phone number.");
  assert.equal(find.nothing("7KQ2M9XA", ["name", "code", "reference"], false), "Nothing found for “7KQ2M9XA”. We looked for a name, a code or an order number.");
});

test("what was found is counted", () => {
  assert.equal(find.found(1, 0, false), "1 order.");
  assert.equal(find.found(2, 1, false), "2 orders, 1 customer.");
  assert.equal(find.found(0, 10, true), "10 customers. Type more to narrow them down.");
});

const customer = (name, number, code = "7KQ2-M9XA") => ({ name, phone_number: number, code });
const NJERI = customer("Mama Njeri", "+254704590344");
const EXACT = ["Mama Njeri", "njeri MAMA", " mama  njeri ", "Mama-Njeri", "0704590344", "0704 590 344", "+254704590344", "00254 704 590 344", "254704590344", "7kq2m9xa", "7KQ2-M9XA"];
for (const text of EXACT) test(`"${text}" is exactly her`, () => assert.equal(isExact(NJERI, text), true));
for (const text of ["Mama", "Njer", "Mama Njeri Wanjiku", "0344", "0704590345", "+255704590344", "7KQ2"]) {
  test(`"${text}" is not exactly her`, () => assert.equal(isExact(NJERI, text), false));
}
for (const [name, text] of [["N’gang’a Wa O'Brien", "nganga wa obrien"], ["Zoë Achiëng", "zoe achieng"], ["Wa Mama Njeri", "WA mama njeri"]]) {
  test(`"${text}" is exactly ${name}`, () => assert.equal(isExact(customer(name, "+254700000001"), text), true));
}
test("an erased customer has no name that could be meant", () => assert.equal(isExact({ name: null, phone_number: null, code: "7KQ2-M9XA" }, "null"), false));

test("Enter chooses the only exact customer, or the only one; leaving the field only an exact one", () => {
  const wambui = customer("Wambui", "+254704590344", "AAAA-AAAA");
  assert.deepEqual(theOne([NJERI, customer("Mama Njeri Otieno", "+254700000002", "BBBB-BBBB")], "mama njeri"), { sure: NJERI, one: NJERI });
  assert.deepEqual(theOne([NJERI], "mam"), { sure: null, one: NJERI });
  assert.deepEqual(theOne([NJERI, wambui], "mam"), { sure: null, one: null });
  // A number that two people share means neither.
  assert.deepEqual(theOne([NJERI, wambui], "0704590344"), { sure: null, one: null });
  assert.deepEqual(theOne([], "mama njeri"), { sure: null, one: null });
});

test("a key stays until its body changes or the thing is created", () => {
  let count = 0;
  const kept = keys(() => `key ${++count}`);
  assert.equal(kept.of({ item: "tea" }), "key 1");
  assert.equal(kept.of({ item: "tea" }), "key 1");
  assert.equal(kept.of({ item: "milk" }), "key 2");
  kept.done();
  assert.equal(kept.of({ item: "milk" }), "key 3");
});
