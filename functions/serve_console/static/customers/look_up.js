// Customers by what a person types, and how lists of them look.

import { call, Problem } from "../api/call.js";
import { el } from "../page/dom.js";
import { customers as words } from "../words/customers.js";

// More are no help at a counter: a further letter is.
const MOST = 10;

// Returns {customers, hasMore}: none for a text that no customer can have.
export async function searchCustomers(text) {
  const { data } = await found({ search: text, limit: MOST + 1 });
  return { customers: data.slice(0, MOST), hasMore: data.length > MOST };
}

// Returns the customers with this number in any spelling: none for a text that is no number.
export async function withNumber(number) {
  return (await found({ phone_number: number, limit: MOST })).data.filter(({ name }) => name);
}

async function found(query) {
  try {
    return (await call("GET", "customers", { query })).body;
  } catch (error) {
    if (error instanceof Problem && error.status === 400) return { data: [] };
    throw error;
  }
}

// Why a customer gets no texts, as chips.
export const silence = (customer) => [
  customer.sms_opted_out && el("span", { class: "chip mute" }, words.optedOut),
  customer.sms_blocked && el("span", { class: "chip mute" }, words.blocked),
].filter(Boolean);

// A customer as an option of a list.
export const option = (customer) => [
  el("span", { class: "name" }, customer.name), " ",
  el("span", { class: "quiet" }, customer.phone_number), " ",
  ...silence(customer),
];
