// What the pages of import and export say.

const things = { customers: ["customer", "customers"], orders: ["order", "orders"] };
const number = (count) => count.toLocaleString();

export const imports = {
  title: "Import",
  intro: "Bring customers or orders from a spreadsheet or another program. A file sent twice creates nothing twice.",
  what: "What is in the file?",
  kinds: { customers: "Customers", orders: "Orders" },
  columns: {
    customers: "Columns: name, phone_number, email; and language, if you like. Save a spreadsheet as “CSV UTF-8”.",
    orders: "Columns: reference, customer (a code or a phone number), item, amount; and currency, if you like. Imported orders send no texts.",
  },
  choose: "Choose a file",
  orDrop: "Or drop it here.",
  chosen: (name, rows) => `${name} has ${number(rows)} ${rows === 1 ? "row" : "rows"}.`,
  start: (rows, kind) => `Import ${number(rows)} ${things[kind][rows === 1 ? 0 : 1]}`,
  notText: "This file cannot be read. Open it in your spreadsheet, and save it as “CSV UTF-8”.",
  noRows: "This file has no rows. Its first line has the names of the columns, and each further line is a row.",
  progress: "Progress of the import",
  sofar: (done, total) => `${number(done)} of ${number(total)} rows are done.`,
  failed: "The file was not imported.",
  failedIn: (first, last) => `The import stopped before rows ${number(first)} to ${number(last)}.`,
  goOn: "Go on",
  all: "All rows are in",
  someRefused: "Some rows were refused",
  partly: "Part of the file is in",
  created: "Created",
  unchanged: "Already there",
  refused: "Refused",
  mend: "Download the refused rows, correct them, and import that file.",
  downloadRefused: (count) => `Download ${number(count)} refused ${count === 1 ? "row" : "rows"}`,
  refusedRows: "Refused rows",
  row: "Row",
  says: { customers: "Name", orders: "Reference" },
  why: "Why",
  more: (shown) => `These are the first ${number(shown)}. The file has all.`,
};

export const exports = {
  title: "Export",
  intro: "Save all customers or orders as files that a spreadsheet opens. The same files can be imported again.",
  kinds: { customers: "Customers", orders: "Orders" },
  hints: { customers: "All customers, with their codes.", orders: "All orders, or those of some days, each with the words and the state of its text." },
  start: (kind) => `Export ${things[kind][1]}`,
  stop: "Stop",
  sofar: (rows, kind) => `${number(rows)} ${things[kind][1]} so far…`,
  progress: "Progress of the export",
  done: (rows, kind) => `The file is saved. It has ${number(rows)} ${things[kind][rows === 1 ? 0 : 1]}.`,
  none: (kind) => `There are no ${things[kind][1]} to export.`,
  stopped: "The export was stopped. No file was saved.",
};
