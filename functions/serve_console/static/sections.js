// The sections of the page. Each has
// - label, and the scope that a person needs to see it;
// - view({query, link}) -> {element, start(), stop(), now()}: its list or page; `link(values)` is an address in it;
// - item({id, panel, changed}) and create({panel, done, ...}), where it has items: what its drawer shows (page/drawer.js has the panel);
// - group: the navigation has one entry for all sections of a group, which leads to the first.

import { customers } from "./customers/customers.js";
import { orders } from "./orders/orders.js";
import { late } from "./page/late.js";
import { lateForm } from "./page/late_form.js";
import { may } from "./session/session.js";
import { customers as customerWords } from "./words/customers.js";
import { orders as orderWords } from "./words/orders.js";
import { sections as words } from "./words/page.js";

const customer = async () => (await import("./customers/customer.js")).customer;
const order = async () => (await import("./orders/order.js")).order;
const newCustomer = async () => (await import("./customers/new_customer.js")).newCustomer;
const newOrder = async () => (await import("./orders/new_order.js")).newOrder;

const SECTIONS = {
  orders: { label: orderWords.title, scope: "sales:read", view: orders, item: lateForm(order, orderWords.one), create: lateForm(newOrder, orderWords.create), created: orderWords.created },
  customers: { label: customerWords.title, scope: "sales:read", view: customers, item: lateForm(customer, customerWords.one), create: lateForm(newCustomer, customerWords.create), created: customerWords.created },
  days: managed(words.days, "", async () => (await import("./days/days.js")).days),
  wording: managed(words.wording, "shop", async () => (await import("./shop/wording.js")).wording),
  import: managed(words.import, "shop", async () => (await import("./shop/import.js")).importing),
  export: managed(words.export, "shop", async () => (await import("./shop/export.js")).exporting),
};

// What only managers see loads when they open it.
function managed(label, group, load) {
  return { label, group, scope: "sales:manage", view: late(load, label) };
}

// Loads what the drawer shows before a person opens it.
export const prepare = () => Promise.all([order(), customer(), newOrder(), newCustomer()]).catch(() => {});

// The sections that this person may see, by their name in addresses; the first is the home page.
export const sections = () => Object.fromEntries(Object.entries(SECTIONS).filter(([, { scope }]) => may(scope)));

// The entry of the navigation that a section belongs to.
export const entryOf = (name) => Object.keys(SECTIONS).find((other) => other === name || (SECTIONS[name]?.group && SECTIONS[other].group === SECTIONS[name].group));

// The navigation, as [[section, label]].
export const entries = () => Object.entries(sections()).filter(([name]) => entryOf(name) === name).map(([name, { label, group }]) => [name, words[group] ?? label]);

// The sections of a group, as [[section, label]].
export const members = (group) => Object.entries(sections()).filter(([, section]) => section.group === group).map(([name, { label }]) => [name, label]);
