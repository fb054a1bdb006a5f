// What the page of days and the strip of today say.

export const days = {
  title: "Days",
  subject: "The figures",
  intro: "Days are the shop’s own. Money leaves out cancelled orders.",
  recent: "The last 31 days, those of the shop. Money leaves out cancelled orders.",
  filter: "Choose days",
  columns: ["Day", "Orders", "Cancelled", "Money", "Texts", "Delivered", "Not arrived", "Cost of texts"],
  total: "Total",
  none: "No orders in these days",
  atLeast: "at least ",
  incomplete: "These days have more orders than can be counted now, so their figures are at least these. Look again tomorrow.",
  download: "Download as CSV",
  today: "Today",
  orders: "Orders",
  money: "Money",
  delivered: "Delivered",
  attention: "Need attention",
  cost: "Cost of texts",
  nothing: "–",
  all: "All days",
};
