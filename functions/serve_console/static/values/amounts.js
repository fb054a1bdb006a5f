// Reads amounts as people type them: `1,500`, `KES 1500`, `1 500`, `1500/=`, `1500.50`.

import { CURRENCIES, MOST_AMOUNT, decimalsOf } from "./contract.js";

// Signs that people write for a currency; null stands for the one that is chosen.
const SIGNS = { ksh: "KES", kshs: "KES", ush: "UGX", tsh: "TZS", sh: null, shs: null, $: "USD", "€": "EUR", "£": "GBP" };
const TYPED = /^(\p{L}+\.?|[$€£])?\s*(\d[\d.,'’\s]*)(\p{L}+\.?|[$€£])?\s*(?:\/[=-]|=)?$/u;
const SPACED = /^\d{1,3}(?:[\s'’]\d{3})+(?=$|[.,])/;
// With commas between thousands and a point before cents, as here; or the other way round, as on the continent of Europe.
const OURS = /^(\d+|\d{1,3}(,\d{3})+)(\.\d+)?$/;
const THEIRS = /^(\d+|\d{1,3}(\.\d{3})+)(,\d+)?$/;

// Returns {amount, currency} as the API takes them; {ask: [amounts], currency} for text that needs a person's answer; or
// {problem}, which is the API's code, `amount_decimals` (with `most` and `currency`) or `amount_currency` (with `text`).
export function readAmount(typed, chosen) {
  const [, before, digits, after] = TYPED.exec(typed.normalize("NFKC").trim()) ?? [];
  if (!digits) return { problem: "invalid_amount" };
  const signs = [before, after].filter(Boolean);
  const unknown = signs.find((sign) => !currencyOf(sign, chosen));
  if (unknown) return { problem: "amount_currency", text: unknown };
  const [currency = chosen, other = currency] = signs.map((sign) => currencyOf(sign, chosen));
  if (other !== currency) return { problem: "amount_currency", text: after };
  return read(ungrouped(digits.trim()), currency);
}

function currencyOf(sign, chosen) {
  const name = sign.replace(/\.$/, "").toLowerCase();
  return name in SIGNS ? SIGNS[name] ?? chosen : CURRENCIES.find((code) => code.toLowerCase() === name);
}

// Without spaces or apostrophes between thousands, and without a point or comma at the end.
function ungrouped(text) {
  const [grouped = ""] = SPACED.exec(text) ?? [];
  return (grouped.replace(/[\s'’]/g, "") + text.slice(grouped.length)).replace(/[.,]$/, "");
}

function read(text, currency) {
  const most = decimalsOf(currency);
  const fits = (amount) => amount !== null && (amount.split(".")[1] ?? "").length <= most;
  const ours = OURS.test(text) ? text.replaceAll(",", "") : null;
  const theirs = THEIRS.test(text) ? text.replaceAll(".", "").replace(",", ".") : null;
  // We show amounts with a point, so a point alone means cents wherever the currency has as many.
  if (fits(ours) && (ours === text || !fits(theirs))) return limited(ours.replace(/^0+(?=\d)/, ""), currency);
  const choices = [ours, theirs].filter(fits);
  if (choices.length) return { ask: choices, currency };
  return ours === null ? { problem: "invalid_amount" } : { problem: "amount_decimals", most, currency };
}

function limited(amount, currency) {
  if (Number(amount) === 0) return { problem: "too_small" };
  return Number(amount) > Number(MOST_AMOUNT.replaceAll(",", "")) ? { problem: "too_large" } : { amount, currency };
}
