// The fields of a customer.

import { field } from "../page/form.js";
import { customers as words } from "../words/customers.js";

export const fields = (customer = {}) => [
  field(words.name, "name", { required: true, value: customer.name }),
  field(words.phone, "phone_number", { required: true, type: "tel", value: customer.phone_number, hint: words.phoneHint }),
  field(words.email, "email", { required: true, type: "email", value: customer.email }),
];
