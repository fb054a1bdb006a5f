// What a text in the search box can mean. Pure.

import { CODE_CHARACTERS } from "../values/contract.js";

// The dash in the middle of a code may be missing.
const HALF = `[${CODE_CHARACTERS}]{4}`;
const CODE = new RegExp(`^${HALF}-?${HALF}$`, "i");
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const FEWEST_DIGITS = 4; // of a number's end, for the API

// Returns {order: whether it can be an order's code or id, kinds: what it is tried as, for people, tooShort: whether it would
// be part of a number if it were longer}.
export function readings(text) {
  const order = CODE.test(text) || ID.test(text);
  const digits = /^[\d\s().+-]+$/.test(text) ? text.replace(/\D/g, "").length : 0;
  const kinds = [/\p{L}/u.test(text) && "name", digits >= FEWEST_DIGITS && "number", order && "code", "reference"].filter(Boolean);
  return { order, kinds, tooShort: digits > 0 && digits < FEWEST_DIGITS };
}
