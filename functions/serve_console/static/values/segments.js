// How much of a text to remove to save a segment (3GPP TS 23.038 and 23.040). Pure.

// They take two septets each.
const EXTENSION = new Set("\f^{}\\[~]|€");
const ONE = { "GSM-7": 160, "UCS-2": 70 };
const PART = { "GSM-7": 153, "UCS-2": 67 };

const sizeIn = (encoding) => (character) => {
  if (encoding === "GSM-7") return EXTENSION.has(character) ? 2 : 1;
  return character.length;
};

// How many characters at the text's end are beyond `segments` - 1 segments, or 0 for a text of one. `segments` is the text's.
export function tooMany(text, encoding, segments) {
  if (segments < 2) return 0;
  const characters = [...text];
  const most = segments === 2 ? ONE[encoding] : PART[encoding];
  let left = segments - 1;
  let used = 0;
  for (const [place, size] of characters.map(sizeIn(encoding)).entries()) {
    // What is never split between two segments may leave one short.
    if (used + size > most) {
      left -= 1;
      used = 0;
    }
    if (left === 0) return characters.length - place;
    used += size;
  }
  return 0;
}
