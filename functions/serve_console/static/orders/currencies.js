// The choice of a currency: the shop's own, those of its neighbours, then all others.

import { el } from "../page/dom.js";
import { CURRENCIES } from "../values/contract.js";
import { orders as words } from "../words/orders.js";

const NEAR = ["KES", "UGX", "TZS", "RWF", "ETB", "USD", "EUR", "GBP"];

export const shopCurrency = () => JSON.parse(document.getElementById("config").textContent).currency;

export function currencies() {
  const names = new Intl.DisplayNames(undefined, { type: "currency" });
  const own = shopCurrency();
  const option = (code) => el("option", { value: code, selected: code === own }, code);
  const named = (code) => el("option", { value: code, label: `${code} · ${names.of(code)}` }, code);
  const near = [own, ...NEAR.filter((code) => code !== own)];
  return el("select", {}, near.map(option), el("optgroup", { label: words.moreCurrencies }, CURRENCIES.filter((code) => !near.includes(code)).map(named)));
}
