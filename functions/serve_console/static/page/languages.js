// The languages of texts, and their names.

import { call } from "../api/call.js";

// Every shop may use these, and those of its wording.
export const SHIPPED = ["en", "sw"];
const names = new Intl.DisplayNames(undefined, { type: "language", fallback: "code" });

export function languageName(tag) {
  try {
    return names.of(tag);
  } catch {
    return tag;
  }
}

export const byName = (tags) => [...tags].sort((one, other) => languageName(one).localeCompare(languageName(other)));

// Returns {languages: those a customer may have, standard: the shop's own}, also when the wording does not load.
export async function textLanguages() {
  const answer = await call("GET", "wording").catch(() => null);
  const { created = {}, default_language: standard = null } = answer?.body ?? {};
  return { languages: byName(new Set([...SHIPPED, ...Object.keys(created)])), standard };
}
