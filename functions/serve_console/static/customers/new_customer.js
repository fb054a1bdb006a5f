// A new customer: the fields, which offer those who have the number already, and the form.

import { call } from "../api/call.js";
import { address } from "../page/address.js";
import { control, form } from "../page/form.js";
import { go } from "../page/places.js";
import { customers as words } from "../words/customers.js";
import { duplicates } from "./duplicates.js";
import { fields } from "./fields.js";
import { newLanguageField } from "./language.js";

// `use` and `useLabel` are those of `duplicates`. Returns {elements, check} as `duplicates` has it.
export function newFields({ use, useLabel }) {
  const [name, number, email] = fields();
  const { element, check } = duplicates({ input: number.querySelector("input"), use, useLabel });
  return { elements: [name, number, element, email], check };
}

// `done(customer)` gets the customer.
export function newCustomer({ panel, done }) {
  const { elements, check } = newFields({
    use(customer) {
      // What was typed is about a customer who exists: nothing to keep.
      element.reset();
      go(address("customers", { open: customer.id }));
    },
    useLabel: words.open,
  });
  const element = form({
    fields: [...elements, newLanguageField()],
    button: words.createButton,
    async send(body, key) {
      if (await check()) done((await call("POST", "customers", { body, key })).body);
    },
  });
  panel.title(words.create);
  panel.show(element);
  control(element, "name").focus();
}
