// What a person reads when the API refuses. The API's own sentence stands in for any other code.

import { CUSTOMER, MOST_AMOUNT, ORDER, REASON } from "../values/contract.js";

// By problem code.
export const PROBLEMS = {
  ambiguous_code: "Several orders have this code. Look for the order in the list.",
  customer_erased: "This customer’s personal data was erased. Create a new customer.",
  insufficient_scope: "You are not allowed to do this. Ask a manager.",
  order_cancelled: "This order is cancelled. Create a new order.",
  reference_taken: "Another order already has this number.",
  sms_in_progress: "A text is already on its way.",
  sms_too_often: "This text was sent again too often. Contact the customer another way.",
  sms_too_soon: "A text was just sent.",
  unavailable: "The server is busy.",
  unexpected: "Something went wrong on our side. Try again.",
  version_mismatch: "Someone else changed this. Close it, then open it again to see the change.",
};

// API Gateway refuses with a single word. These sentences replace it, by HTTP status.
export const REFUSALS = {
  403: "You are not allowed to do this. Ask a manager.",
  429: "Too many requests. Wait a moment, then try again.",
  503: "The server is not available.",
};

export const anyError = (status) => `The server answered with an error (${status})`;
export const tryAgainIn = (seconds) => `Try again in ${seconds} ${seconds === "1" ? "second" : "seconds"}.`;

// What to do about a field, by its name and the API's code.
export const ADVICE = {
  name: { required: "Enter a name." },
  phone_number: { required: "Enter a phone number.", invalid: "Enter a whole phone number." },
  email: { required: "Enter an email address.", invalid_email: "Enter an email address, such as name@example.com." },
  code: { invalid: "Enter a customer’s code." },
  customer: { not_found: "This customer does not exist. Pick another one.", invalid: "Enter a customer’s code or id." },
  whom: { required: "Enter the customer’s name or phone number.", undecided: "Pick the customer from the list, or “New customer”." },
  item: { required: "Enter what the customer ordered." },
  amount: {
    required: "Enter an amount, such as 1,500 or 1500.50.",
    invalid_amount: "Enter an amount, such as 1,500 or 1500.50.",
    too_small: "Enter an amount above 0.",
    too_large: `Enter an amount of at most ${MOST_AMOUNT}.`,
  },
  currency: { unknown_currency: "Choose a currency, such as KES." },
  reason: { required: "Enter a reason." },
};

export const tooLong = (most, length) => `At most ${most} characters; this has ${length}.`;

// How many characters a field may have, by its name.
export const MOST = { ...CUSTOMER, ...ORDER, reason: REASON };
