// The page's address: #/section?filters&open=... Browsers write it to their history, so a filter that says whom a person looks
// for stays in this page's memory, under a key in the address. A reload forgets it.

// Of every other filter the address has only the key.
const SHOWN = ["tab", "from", "to", "sms_status", "reference", "order_date_from", "order_date_to", "open"];
const KEY = "with";
const kept = new Map(); // key: the values, as JSON

function keep(values) {
  const text = JSON.stringify(values);
  for (const [key, known] of kept) if (known === text) return key;
  // Random: a page before a reload may have used the keys that follow.
  const key = crypto.randomUUID().slice(0, 8);
  kept.set(key, text);
  return key;
}

// The same values have the same address until the page is reloaded. Leaves out empty ones.
export function address(section, values = {}) {
  const others = Object.entries(values).filter(([name, value]) => value && !SHOWN.includes(name)).sort();
  const query = new URLSearchParams(others.length ? { [KEY]: keep(others) } : {});
  for (const name of SHOWN) if (values[name]) query.set(name, values[name]);
  return `#/${section}${query.size ? `?${query}` : ""}`;
}

// Returns {section, values} of an address that `address` returned, or that a person typed.
export function read(hash) {
  const [, section, search] = /^#\/(\w+)(?:\?(.*))?$/.exec(hash) ?? [];
  const { [KEY]: key, ...shown } = Object.fromEntries(new URLSearchParams(search ?? ""));
  return { section, values: { ...shown, ...Object.fromEntries(JSON.parse(kept.get(key) ?? "[]")) } };
}
