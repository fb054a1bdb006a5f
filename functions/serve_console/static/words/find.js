// What the search box says.

const count = (number, one, many) => number > 0 && `${number} ${number === 1 ? one : many}`;
const KINDS = { name: "a name", number: "a phone number", code: "a code", reference: "an order number" };
const either = (kinds) => [kinds.slice(0, -1).join(", "), kinds.at(-1)].filter(Boolean).join(" or ");

export const find = {
  label: "Find a customer or order",
  example: "Name, number or code",
  theirOrders: "Orders",
  found: (orders, customers, hasMore) =>
    `${[count(orders, "order", "orders"), count(customers, "customer", "customers")].filter(Boolean).join(", ")}.${hasMore ? " Type more to narrow them down." : ""}`,
  nothing: (text, kinds, tooShort) =>
    `Nothing found for “${text}”. We looked for ${either(kinds.map((kind) => KINDS[kind]))}.${tooShort ? " Type at least four digits of a phone number." : ""}`,
};
