// Adds amounts that are decimal text, exactly. Pure.

const decimalsIn = (amount) => (amount.split(".")[1] ?? "").length;
const scaled = (amount, decimals) => BigInt(amount.replace(".", "")) * 10n ** BigInt(decimals - decimalsIn(amount));

// `1500.00` and `0.5` are `1500.50`: as many decimals as the longer has.
export function add(one, other) {
  const decimals = Math.max(decimalsIn(one), decimalsIn(other));
  const digits = String(scaled(one, decimals) + scaled(other, decimals)).padStart(decimals + 1, "0");
  return decimals ? `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}` : digits;
}

// The sums of {currency: amount} objects, in the order of their currencies: no amount is added to one in another currency.
export function addAll(amounts) {
  const sums = {};
  for (const [currency, amount] of amounts.flatMap(Object.entries)) sums[currency] = currency in sums ? add(sums[currency], amount) : amount;
  return Object.fromEntries(Object.entries(sums).sort());
}

// The sums of {name: count} objects.
export function countAll(counts) {
  const sums = {};
  for (const [name, count] of counts.flatMap(Object.entries)) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}
