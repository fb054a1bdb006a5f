// What the page says about a text: the names of its states, and its sentences by cause and reason. `sms/sentences.js` chooses.

export const STATE_NAMES = {
  queued: "Queued",
  sending: "Sending",
  sent: "Sent",
  delivered: "Delivered",
  undelivered: "Not delivered",
  failed: "Failed",
  unknown: "Unknown",
  suppressed: "No text",
};

// The state of a text in a sentence. `why` is one of REASONS, or empty.
const because = (why) => (why ? ` ${why}` : "");
export const sentences = {
  onItsWay: "The text is on its way.",
  switchedOff: "You switched it off.",
  soon: "It goes out in a moment.",
  waiting: "It is waiting to be sent.",
  waitsSince: (since) => `It has been waiting since ${since}. We keep trying.`,
  paused: (why, until) => `It waits. ${why}${until ? ` We try again at ${until}.` : " We try again soon."}`,
  limited: (until) => `The limit of texts for today is reached. It goes out after ${until}, or once the limit is raised.`,
  held: "The limit of texts is reached. It goes out on a later day, or once the limit is raised.",
  deferred: (why, due) => `The provider did not take it.${because(why)} ${due ? `We try again at ${due}.` : "We try again soon."}`,
  misconfigured: (due) => `The provider refused our account settings. ${due ? `We try again at ${due}.` : "We try again soon."}`,
  sending: "It is being sent.",
  sendingLong: "We are waiting for the provider’s answer.",
  sent: "The provider has it. The phone has not confirmed it yet.",
  interim: "The network has it. The phone has not confirmed it yet.",
  sentLong: "The provider has it. No confirmation has come; some networks never send one.",
  delivered: "It is on the phone.",
  undelivered: (why) => `The network could not deliver it.${because(why)}`,
  refused: (why) => `It was not sent. ${why || "The provider refused it."}`,
  exhausted: (why) => `It was not sent. We tried until the last attempt failed.${because(why)}`,
  unknown: "We can’t tell whether it was sent. Ask the customer before you send it again.",
  unknownEnded: "We can’t tell whether it was sent.",
  suppressed: "No text was sent for this order.",
  cancelled: "The order was cancelled, and the customer was not told.",
};

// Why a text waits or was not sent, by the API's reason. Any other reason is shown under "Technical details" only.
export const REASONS = {
  not_asked: "No text was asked for.",
  opted_out: "The customer has opted out.",
  not_allowed: "The shop’s settings allow no texts to this number.",
  blocked: "The network refuses our sender id for this number.",
  limit: "The limit of texts for today is reached.",
  customer_erased: "The customer’s personal data was erased.",
  order_cancelled: "The order was cancelled.",
  DoNotDisturbRejection: "The network takes no texts at this hour.",
  InsufficientBalance: "No credit is left.",
  InvalidPhoneNumber: "The number is not valid.",
  UnsupportedNumberType: "This kind of number cannot get texts.",
  UserDoesNotExist: "The number is not in use.",
  UserIsInactive: "The number is not in use.",
  UserInBlackList: "The customer has opted out.",
  UserInBlacklist: "The network refuses our sender id for this number.",
  NotNetworkSubscriber: "The number belongs to another network.",
  AbsentSubscriber: "The phone was off or out of reach.",
  connect_failed: "The provider could not be reached.",
  connect_timeout: "The provider could not be reached.",
  no_connection_in_time: "The provider could not be reached.",
  http_429: "The provider had too much to do.",
};

// What happened, in the timeline, by cause.
export const CAUSES = {
  claimed: "Handing it to the provider",
  accepted: "Accepted by the provider",
  refused: "The provider refused it",
  deferred: "The provider did not take it, so we try again",
  exhausted: "The last attempt failed, so we gave up",
  ambiguous: "The provider’s answer was lost",
  lease_expired: "We lost track while sending",
  misconfigured: "The provider refused our account settings, so sending paused",
  report_interim: "The network has it",
  report_success: "The network confirmed delivery",
  report_failure: "The network could not deliver it",
  opted_out: "The customer has opted out",
  blocked: "The network refuses our sender id for this number",
  held: "The limit of texts was reached, so it waits for another day",
  cancelled: "The order was cancelled",
  requested: "Requested again",
};

export const story = {
  created: "The order was created",
  attempt: (number) => `attempt ${number}`,
  by: (person) => `by ${person}`,
  quoted: (text) => `“${text}”`,
};

export const content = {
  none: "There is no text yet.",
  gone: "The text is no longer kept.",
  segments: (count) => `${count} ${count === 1 ? "segment" : "segments"}`,
  announced: (state) => `Text: ${state}`,
};

export const technical = { encoding: "Encoding", messageId: "Message id", reasons: "Reasons" };

// The banner while texts do not go out.
export const banner = {
  paused: (why) => `Texts are not going out. ${why}`,
  limited: "Today’s limit of texts is reached. New texts wait.",
  settings: "The provider refuses our account settings. Tell your manager.",
  sender: "The provider refuses our sender id. Tell your manager.",
  next: (at) => `Next try at ${at}.`,
  until: (at) => `They go out after ${at}, or once the limit is raised.`,
  noCredit: "Texts may not go out. The provider’s account has no credit left.",
  waiting: (count, since) => (count === 1 ? `A text has been waiting since ${since}.` : `${count} texts are waiting, the oldest since ${since}.`),
  queued: (count) => `${count} ${count === 1 ? "text waits" : "texts wait"}.`,
  balance: (money) => `Balance: ${money}.`,
  daysLeft: (days) => `Enough for about ${days} ${days === 1 ? "day" : "days"}.`,
};
