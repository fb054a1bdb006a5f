// Writes times, money and costs for people.

const DAY = { day: "numeric", month: "short" };
const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export const fullMoment = (stamp) => FULL.format(new Date(stamp));

// Adds the year unless it is this year. `exact` adds seconds; the day is left out if it is also the day of `after`.
export function moment(stamp, { exact = false, after } = {}) {
  const date = new Date(stamp);
  const options = { ...CLOCK, ...(exact ? { second: "2-digit" } : {}) };
  if (!after || new Date(after).toDateString() !== date.toDateString()) {
    Object.assign(options, DAY, date.getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" });
  }
  return date.toLocaleString(undefined, options);
}

// The time of day, with the day unless that is today.
export const soonMoment = (stamp, now = Date.now()) => moment(stamp, { after: now });

// A calendar day such as 2026-11-29, with the year unless it is this one.
export function dayName(day) {
  const year = day.slice(0, 4) === String(new Date().getFullYear()) ? {} : { year: "numeric" };
  return new Date(day).toLocaleDateString(undefined, { timeZone: "UTC", weekday: "short", ...DAY, ...year });
}

export function money(amount, currency) {
  const decimals = (amount.split(".")[1] ?? "").length;
  const number = new Intl.NumberFormat(undefined, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  return `${currency} ${number.format(Number(amount))}`;
}

// The provider's cost of a text, such as "KES 0.8000", without needless zeros.
export function cost(text) {
  const [, currency, amount] = /^([A-Z]{3}) (\d+\.\d+)$/.exec(text ?? "") ?? [];
  return amount ? money(amount.replace(/(\.\d\d\d*?)0+$/, "$1"), currency) : text;
}

// With a capital letter and a full stop: the API's own words have neither everywhere.
export function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? "" : "."}`;
}
