// Calls every operation with openapi-fetch, typed by what openapi-typescript generates, and prints what was met, as JSON.
// STORY has the system's address, tokens and secrets (tests/clients/test_generated.py).

import createClient from "openapi-fetch";
import type { components, operations, paths } from "./schema.js";

declare const process: { env: Record<string, string | undefined>; stdout: { write(text: string): void } };

type Customer = components["schemas"]["Customer"];
type Order = components["schemas"]["Order"];
type Failed = Partial<components["schemas"]["Failure"]>;
type Answer = { data?: unknown; error?: Failed; response: Response };
type Client = ReturnType<typeof client>;
type Send = (client: Client) => Promise<Answer>;
// A request that succeeds, and those that fail, by the status that they meet.
type Call = { good: Send; bad?: Record<number, Send> };
type Story = {
  url: string;
  token: string;
  without: Record<string, string>;
  scopes: Record<string, string>;
  secret: string;
};

const story = JSON.parse(process.env["STORY"] ?? "") as Story;
const UNKNOWN = "00000000-0000-8000-8000-000000000000";
const OTHER_VERSION = '"77"';
const requests = new Set<string>();

function client(token: string) {
  const made = createClient<paths>({ baseUrl: story.url, headers: { Authorization: `Bearer ${token}` } });
  made.use({
    onRequest({ request, schemaPath }) {
      requests.add(`${request.method} ${schemaPath}`);
      return undefined;
    },
  });
  return made;
}

const owner = client(story.token);

function certain<Value>(value: Value | undefined, error: unknown): Value {
  if (value === undefined) throw new Error(JSON.stringify(error));
  return value;
}

const newCustomer = (name = "john doe") => ({ name, phone_number: "+254704590344", email: "example@gmail.com" });

async function customer(): Promise<Customer> {
  const { data, error } = await owner.POST("/api/v1/sales/customers", { body: newCustomer() });
  return certain(data, error);
}

async function erased(): Promise<Customer> {
  const path = { customer: (await customer()).id };
  const { data, error } = await owner.POST("/api/v1/sales/customers/{customer}/erase", { params: { path } });
  return certain(data, error);
}

const newOrder = async (amount = "56000.68", reference: string | null = null) => ({
  customer: (await customer()).id,
  item: "macbook m2",
  amount,
  reference,
});

async function order(reference: string | null = null): Promise<Order> {
  const { data, error } = await owner.POST("/api/v1/sales/orders", { body: await newOrder("1", reference) });
  return certain(data, error);
}

async function orderWithAKnownReference() {
  const reference = crypto.randomUUID();
  await order(reference);
  return await newOrder("1", reference);
}

// An order whose text went out.
async function texted(): Promise<Order> {
  const path = { order: (await order()).id };
  for (let tries = 0; tries < 600; tries++) {
    const { data, error } = await owner.GET("/api/v1/sales/orders/{order}", { params: { path } });
    const current = certain(data, error);
    if (current.sms.status === "sent" || current.sms.status === "delivered") return current;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("the text did not go out");
}

async function cancelled(): Promise<Order> {
  const path = { order: (await order()).id };
  const { data, error } = await owner.POST("/api/v1/sales/orders/{order}/cancel", { params: { path } });
  return certain(data, error);
}

const read = (client: Client, customer: string) =>
  client.GET("/api/v1/sales/customers/{customer}", { params: { path: { customer } } });
const update = (client: Client, customer: string, name = "jane doe", version = "*") =>
  client.PATCH("/api/v1/sales/customers/{customer}", {
    params: { path: { customer }, header: { "If-Match": version } },
    body: { name },
  });
const exported = (client: Client, customer: string) =>
  client.GET("/api/v1/sales/customers/{customer}/export", { params: { path: { customer } } });
const erase = (client: Client, customer: string, version = "*") =>
  client.POST("/api/v1/sales/customers/{customer}/erase", {
    params: { path: { customer }, header: { "If-Match": version } },
  });
const readOrder = (client: Client, order: string) =>
  client.GET("/api/v1/sales/orders/{order}", { params: { path: { order } } });
const cancel = (client: Client, order: string, version = "*") =>
  client.POST("/api/v1/sales/orders/{order}/cancel", {
    params: { path: { order }, header: { "If-Match": version } },
  });
async function writeWording(client: Client, text = "{name}: {code}", version?: string) {
  const { data, error } = await owner.GET("/api/v1/sales/wording");
  return await client.PUT("/api/v1/sales/wording", {
    params: { header: { "If-Match": version ?? `"${certain(data, error).version}"` } },
    body: { default_language: "en", created: { en: text, "sw-KE": text } },
  });
}
const resend = (client: Client, order: string, reason = "asked for", version = "*") =>
  client.POST("/api/v1/sales/orders/{order}/sms", {
    params: { path: { order }, header: { "If-Match": version, "Idempotency-Key": crypto.randomUUID() } },
    body: { reason },
  });
const form = { headers: { "Content-Type": "application/x-www-form-urlencoded" } };
const report = (client: Client, secret: string) =>
  client.POST("/webhooks/africastalking/delivery/{secret}", {
    params: { path: { secret } },
    body: { id: "ATXid_unknown", status: "Success", phoneNumber: "+254704590344" },
    ...form,
  });
const optOut = (client: Client, secret: string) =>
  client.POST("/webhooks/africastalking/optout/{secret}", {
    params: { path: { secret } },
    body: { phoneNumber: "+254700000001" },
    ...form,
  });

const csv = {
  headers: { "Content-Type": "text/csv" },
  bodySerializer: (file: unknown) => String(file),
  parseAs: "text" as const,
};
const importCustomers = (client: Client, file: string) =>
  client.POST("/api/v1/sales/customers/import", { body: file, ...csv });
const importOrders = (client: Client, file: string) => client.POST("/api/v1/sales/orders/import", { body: file, ...csv });

// The compiler names an operation of the contract that is missing here.
const calls: Record<keyof operations, Call> = {
  create_customer: {
    good: (c) => c.POST("/api/v1/sales/customers", { body: newCustomer() }),
    bad: { 422: (c) => c.POST("/api/v1/sales/customers", { body: newCustomer("") }) },
  },
  create_customer_alias: {
    good: (c) => c.POST("/ap1/v1/sales/customers", { body: newCustomer() }),
    bad: { 422: (c) => c.POST("/ap1/v1/sales/customers", { body: newCustomer("") }) },
  },
  create_customer_original: {
    good: (c) => c.POST("/ap1/v1/sales/create-customer", { body: newCustomer() }),
    bad: { 422: (c) => c.POST("/ap1/v1/sales/create-customer", { body: newCustomer("") }) },
  },
  create_order: {
    good: async (c) => c.POST("/api/v1/sales/orders", { body: await newOrder() }),
    bad: {
      409: async (c) => c.POST("/api/v1/sales/orders", { body: await orderWithAKnownReference() }),
      422: async (c) => c.POST("/api/v1/sales/orders", { body: await newOrder("-1") }),
    },
  },
  create_order_alias: {
    good: async (c) => c.POST("/ap1/v1/sales/orders", { body: await newOrder() }),
    bad: {
      409: async (c) => c.POST("/ap1/v1/sales/orders", { body: await orderWithAKnownReference() }),
      422: async (c) => c.POST("/ap1/v1/sales/orders", { body: await newOrder("-1") }),
    },
  },
  create_order_original: {
    good: async (c) => c.POST("/ap1/v1/sales/create-order", { body: await newOrder() }),
    bad: {
      409: async (c) => c.POST("/ap1/v1/sales/create-order", { body: await orderWithAKnownReference() }),
      422: async (c) => c.POST("/ap1/v1/sales/create-order", { body: await newOrder("-1") }),
    },
  },
  list_customers: { good: (c) => c.GET("/api/v1/sales/customers", { params: { query: { limit: 2 } } }) },
  list_customers_original: { good: (c) => c.GET("/ap1/v1/sales/customers") },
  list_orders: { good: (c) => c.GET("/api/v1/sales/orders", { params: { query: { sms_status: "sent" } } }) },
  list_orders_original: { good: (c) => c.GET("/ap1/v1/sales/orders") },
  list_days: { good: (c) => c.GET("/api/v1/sales/days") },
  get_customer: { good: async (c) => read(c, (await customer()).code), bad: { 404: (c) => read(c, UNKNOWN) } },
  update_customer: {
    good: async (c) => update(c, (await customer()).id),
    bad: {
      404: (c) => update(c, UNKNOWN),
      409: async (c) => update(c, (await erased()).id),
      412: async (c) => update(c, (await customer()).id, "jane doe", OTHER_VERSION),
      422: async (c) => update(c, (await customer()).id, ""),
    },
  },
  export_customer: { good: async (c) => exported(c, (await order()).customer), bad: { 404: (c) => exported(c, UNKNOWN) } },
  erase_customer: {
    good: async (c) => erase(c, (await customer()).id),
    bad: { 404: (c) => erase(c, UNKNOWN), 412: async (c) => erase(c, (await customer()).id, OTHER_VERSION) },
  },
  import_customers: {
    good: (c) => importCustomers(c, "name,phone_number,email\njohn doe,+254704590344,example@gmail.com\n"),
    bad: { 422: (c) => importCustomers(c, "phone\n+254704590344\n") },
  },
  import_orders: {
    good: async (c) =>
      importOrders(c, `reference,customer,item,amount\ntypescript,${(await customer()).code},macbook m2,1\n`),
    bad: { 422: (c) => importOrders(c, "item\nmacbook m2\n") },
  },
  get_order: { good: async (c) => readOrder(c, (await order()).id), bad: { 404: (c) => readOrder(c, UNKNOWN) } },
  cancel_order: {
    good: async (c) => cancel(c, (await order()).id),
    bad: { 404: (c) => cancel(c, UNKNOWN), 412: async (c) => cancel(c, (await order()).id, OTHER_VERSION) },
  },
  resend_sms: {
    good: async (c) => resend(c, (await texted()).id),
    bad: {
      404: (c) => resend(c, UNKNOWN),
      409: async (c) => resend(c, (await cancelled()).id),
      412: async (c) => resend(c, (await texted()).id, "asked for", OTHER_VERSION),
      422: (c) => resend(c, UNKNOWN, ""),
    },
  },
  preview_sms: {
    good: (c) => c.POST("/api/v1/sales/sms/preview", { body: { name: "john doe", item: "macbook m2", amount: "1" } }),
    bad: {
      409: async (c) =>
        c.POST("/api/v1/sales/sms/preview", {
          body: { customer: (await erased()).id, item: "macbook m2", amount: "1" },
        }),
      422: (c) => c.POST("/api/v1/sales/sms/preview", { body: { item: "macbook m2", amount: "1" } }),
    },
  },
  get_wording: { good: (c) => c.GET("/api/v1/sales/wording") },
  put_wording: {
    good: (c) => writeWording(c),
    bad: {
      412: (c) => writeWording(c, "{name}", OTHER_VERSION),
      422: (c) => writeWording(c, "{nam}"),
      428: (c) => writeWording(c, "{name}", "*"),
    },
  },
  get_sms_status: { good: (c) => c.GET("/api/v1/sales/sms/status") },
  check_health: { good: (c) => c.GET("/healthz") },
  record_delivery_report: { good: (c) => report(c, story.secret), bad: { 404: (c) => report(c, "guess") } },
  record_opt_out: { good: (c) => optOut(c, story.secret), bad: { 404: (c) => optOut(c, "guess") } },
};

async function met(name: string, send: Send, client: Client, expected?: number): Promise<number> {
  const { data, error, response } = await send(client);
  const what = `${name}: ${response.status}, ${JSON.stringify(data ?? error)}`;
  if (expected ? response.status !== expected : data === undefined) throw new Error(`${what} instead of ${expected}`);
  if (expected && !error?.message && error?.status !== expected) throw new Error(what);
  return response.status;
}

const statuses: Record<string, number[]> = {};
for (const [name, call] of Object.entries(calls)) {
  const seen: number[] = [];
  const scope = story.scopes[name];
  if (scope) {
    seen.push(await met(name, call.good, client("junk"), 401));
    seen.push(await met(name, call.good, client(story.without[scope] ?? ""), 403));
  }
  seen.push(await met(name, call.good, owner));
  for (const [status, send] of Object.entries(call.bad ?? {})) seen.push(await met(name, send, owner, Number(status)));
  statuses[name] = seen;
}
process.stdout.write(JSON.stringify({ statuses, requests: [...requests] }));
