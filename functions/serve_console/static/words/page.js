// What the page says around orders and customers.

export const page = {
  product: "Sales",
  loading: "Loading…",
  tryNow: "Try again now",
  tryingAgain: "Trying again automatically.",
  didNotLoad: (subject) => `${subject} did not load`,
  notAllowed: "Not allowed",
  mayOnlyView: "You can view but not create.",
  discarded: "What you typed was discarded.",
  undo: "Undo",
  offline: "No connection. What you see may be out of date.",
  unreachable: "We can’t reach the server. Check your connection, then try again.",
  technical: "Technical details",
};

// The sections that only managers see, and what they are called together.
export const sections = {
  shop: "Shop",
  shopLabel: "The shop’s pages",
  wording: "Wording",
  days: "Days",
  import: "Import",
  export: "Export",
};

export const list = {
  filters: "Filters",
  filtersOn: "Filters (on)",
  filter: "Filter",
  clear: "Clear",
  clearFilters: "Clear the filters",
  check: "Check the highlighted filter",
  unusable: "These filters do not work",
  swapped: "From is later than To. Swap the two days.",
  more: "Show more",
  label: (title) => `Filter ${title.toLowerCase()}`,
  noMatch: (title) => `No ${title.toLowerCase()} match`,
  fresh: (count, title) => `${count} new in ${title}`,
  loaded: (count, title) => `${count} more in ${title}`,
};
