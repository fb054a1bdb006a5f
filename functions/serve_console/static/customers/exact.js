// Which of the customers that a search found a person can only have meant. Pure.

const wordsOf = (text) => text.normalize("NFKD").replace(/[\p{M}'’\u0060]/gu, "").toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean);
const sameWords = (one, other) => one.length === other.length && one.every((word) => other.includes(word));

// The digits of a typed number without trunk zeros or a leading 00, or nothing if the text is not a whole number.
function digitsOf(text) {
  const typed = text.normalize("NFKC");
  const digits = /^[\d\s().+-]+$/.test(typed) ? typed.replace(/\D/g, "").replace(/^0+/, "") : "";
  return digits.length >= FEWEST_DIGITS ? digits : "";
}
const FEWEST_DIGITS = 7;

// Whether the text is the customer's whole name, in any order of its words, their whole number, or their code.
export function isExact({ name, phone_number: number, code }, text) {
  const digits = digitsOf(text);
  return sameWords(wordsOf(name ?? ""), wordsOf(text)) || (digits !== "" && (number ?? "").endsWith(digits)) ||
    code.replace("-", "") === text.replace(/[\s-]/g, "").toUpperCase();
}

// Returns {one, sure}: `sure` is the only exact one, `one` that, or else the only one at all.
export function theOne(customers, text) {
  const exact = customers.filter((customer) => isExact(customer, text));
  const sure = exact.length === 1 ? exact[0] : null;
  return { sure, one: sure ?? (customers.length === 1 ? customers[0] : null) };
}
