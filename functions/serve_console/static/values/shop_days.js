// The shop's own days: at a fixed distance from UTC, such as `+03:00`, wherever the person is. Days are dates, `2026-11-29`. Pure.

const DAY_MS = 86_400_000;
const DATE = /^\d{4}-\d\d-\d\d$/;

function distance(offset) {
  const [, sign, hours, minutes] = /^([+-])(\d\d):(\d\d)$/.exec(offset);
  return (sign === "-" ? -60_000 : 60_000) * (Number(hours) * 60 + Number(minutes));
}

const dateOf = (ms) => new Date(ms).toISOString().slice(0, 10);

// The day at this moment, in ms.
export const dayOf = (moment, offset) => dateOf(moment + distance(offset));

export const plusDays = (day, days) => dateOf(Date.parse(day) + days * DAY_MS);

// When a day begins, `later` days on, as the API accepts it. Returns anything but a date as it is.
export function startOf(day, offset, later = 0) {
  if (!DATE.test(day ?? "") || Number.isNaN(Date.parse(day))) return day;
  return new Date(Date.parse(day) + later * DAY_MS - distance(offset)).toISOString();
}

// The ranges that people ask for, as {name: [first, last]}.
export function presets(today) {
  return {
    today: [today, today],
    yesterday: [plusDays(today, -1), plusDays(today, -1)],
    week: [plusDays(today, -6), today],
    month: [`${today.slice(0, 8)}01`, today],
  };
}
