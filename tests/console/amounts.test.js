// Amounts as people type them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readAmount } from "../../functions/serve_console/static/values/amounts.js";

const KES = (amount) => ({ amount, currency: "KES" });
const TAKEN = {
  "1500": KES("1500"), "1,500": KES("1500"), "1 500": KES("1500"), "1\u00a0500": KES("1500"), "1’500": KES("1500"), "KES 1500": KES("1500"),
  "kes1,500.50": KES("1500.50"), "1500 KES": KES("1500"), "Ksh. 1,500": KES("1500"), "KSh 250": KES("250"), "1500/=": KES("1500"), "1,500/-": KES("1500"),
  "sh 80": KES("80"), "1500.50": KES("1500.50"), "1,234,567.89": KES("1234567.89"), "1 234 567.5": KES("1234567.5"), "0.50": KES("0.50"), "1500.": KES("1500"),
  "00012": KES("12"), " 56000.68 ": KES("56000.68"), "１５００": KES("1500"), "$20": { amount: "20", currency: "USD" }, "20 usd": { amount: "20", currency: "USD" },
  "UGX 15,000": { amount: "15000", currency: "UGX" }, "KWD 1.500": { amount: "1.500", currency: "KWD" },
};
for (const [typed, expected] of Object.entries(TAKEN)) {
  test(`"${typed}" is ${expected.currency} ${expected.amount}`, () => assert.deepEqual(readAmount(typed, "KES"), expected));
}

const ASKED = {
  "1.500,00": ["1500.00"], "1500,50": ["1500.50"], "15,5": ["15.5"], "1.500": ["1500"], "1.234.567": ["1234567"], "KWD 1,500": ["1500", "1.500"],
};
for (const [typed, choices] of Object.entries(ASKED)) {
  test(`"${typed}" is asked about, not guessed`, () => assert.deepEqual(readAmount(typed, "KES").ask, choices));
}

const REFUSED = {
  "": "invalid_amount", abc: "invalid_amount", "1e3": "invalid_amount", "-5": "invalid_amount", "+5": "invalid_amount", ".5": "invalid_amount", "12x": "amount_currency",
  "1,50,0": "invalid_amount", "15 00": "invalid_amount", "1,500,00": "invalid_amount", "1.2.3": "invalid_amount", "0": "too_small", "0.00": "too_small",
  "10,000,000,000": "too_large", "1500.555": "amount_decimals", "UGX 15.5": "amount_decimals", "XYZ 5": "amount_currency", "KES 5 USD": "amount_currency", "1/2": "invalid_amount",
};
for (const [typed, problem] of Object.entries(REFUSED)) {
  test(`"${typed}" is refused as ${problem}`, () => assert.equal(readAmount(typed, "KES").problem, problem));
}

test("a sign without a country stands for the chosen currency", () => assert.equal(readAmount("sh 80", "TZS").currency, "TZS"));
