// The shop's own calendar, wherever the person is.

import { dayOf, presets, startOf } from "../values/shop_days.js";
import { $ } from "./dom.js";

const offset = JSON.parse($("config").textContent).utc_offset;

export const today = () => dayOf(Date.now(), offset);
// The day of a moment such as an order's date.
export const shopDay = (stamp) => dayOf(Date.parse(stamp), offset);
// When a day begins, `later` days on, as the API accepts it. Returns anything but a date as it is.
export const startOfDay = (day, later = 0) => startOf(day, offset, later);
export const shopPresets = () => presets(today());
