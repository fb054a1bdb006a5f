// Saves a text as a file on the person's machine.

import { el } from "./dom.js";

export function download(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = el("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  // The browser reads it a moment later.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

// For spreadsheets: the mark says that the file is in UTF-8.
export const downloadCsv = (name, csv) => download(name, `\ufeff${csv}`, "text/csv;charset=utf-8");
