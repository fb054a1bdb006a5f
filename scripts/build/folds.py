"""Write the table of characters outside GSM-7 and their equals inside, from published data.

The equals are those of CLDR's Latin-ASCII, as ICU has it; where it has none, those of AnyAscii for Latin letters and for
punctuation. Compatibility characters and accents are not in the table: NFKD gives their equals when a text is folded.
Other scripts are left alone. `--check` compares the table with the file.

  python -m scripts.build.folds [--check]
"""

import re
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from sales.domain.characters import CONTROLS, is_invisible
from sales.domain.sms.segments import GSM_7

FILE = Path(__file__).resolve().parents[2] / "shared/sales/domain/sms/folds.py"
# Equals of our own, by what they become.
OURS = {
    # Currencies by their code: a lone N could be anything.
    "NGN ": "₦",
    "GHS ": "₵",
    "INR ": "₹",
    "c": "¢",
    # One quotation mark for each, as smart encodings have it. CLDR has `<<` and `,,`.
    '"': "«»„ˮ",
    "'": "`´",
    # Sizes: `2 x 4`. CLDR has an asterisk.
    "x": "×",
    "(TM)": "™",
    "-": "•·⎼⎽",
    "!": "ǃ",
    "|": "⎜⎟",
    ";": "⁏",
    "_": "‗",
    "*": "✳",  # AnyAscii names it, as it does all emoji
}
# Symbols that stand for a sign in Twilio's list (smart-encoding-char-list); AnyAscii has the same equals. Other symbols
# have no equal: they are left out where they cost too much.
SYMBOLS = "˸꞉꞊˷❝❞❛❜⧸⧹⧵⎸⎹⏐∗⊛✢✣✤✥✱✲✺✻✼✽❃❉❊❋⧆⦂∼"

HEAD = '''"""Characters outside GSM-7 and their equals inside. Written by `python -m scripts.build.folds`; never by hand.

From CLDR's Latin-ASCII (Unicode-3.0) and AnyAscii (ISC). A late import: only a text outside GSM-7 needs it.
"""

__all__ = ["FOLDS"]

_EQUALS = (
'''
TAIL = """)
FOLDS = {character: equal for equal, characters in _EQUALS for character in characters}
"""


def decomposed(character: str) -> str:
    """Return the character's compatibility decomposition without marks, as `sales.domain.sms.folding` computes it."""
    parts = unicodedata.normalize("NFKD", character)
    return "".join(part for part in parts if not unicodedata.combining(part))


def equals() -> Iterator[tuple[str, str]]:
    """Yield each character that needs an entry, with its equal."""
    import icu
    from anyascii import anyascii

    # Both have a backtick for some, which GSM-7 lacks.
    latin_ascii = icu.Transliterator.createInstance("Latin-ASCII")
    candidates = icu.UnicodeSet("[[:Latin:][:Common:][:Inherited:]]")
    # AnyAscii also has equals for signs of other scripts, such as the Arabic comma: those stay in their words.
    of_no_other_script = icu.UnicodeSet("[[:scx=Latin:][:scx=Common:][:scx=Inherited:]]")
    ours = {character: equal for equal, characters in OURS.items() for character in characters}
    for character in candidates:
        if character in GSM_7 or is_invisible(character) or character in CONTROLS:
            continue
        equal = ours.get(character) or latin_ascii.transliterate(character).replace("`", "'")
        if not _fits(equal) and not _fits(decomposed(character)) and character in of_no_other_script:
            equal = anyascii(character).replace("`", "'")
            equal = equal if _is_word_or_sign(character, equal) else ""
        if _fits(equal) and equal != decomposed(character):
            yield character, equal


def _fits(equal: str) -> bool:
    return bool(equal.strip()) and GSM_7.issuperset(equal)


def _is_word_or_sign(character: str, equal: str) -> bool:
    """Tell whether the equal is of the character's kind: letters for a letter, a sign for a sign."""
    kind = unicodedata.category(character)
    return kind[0] == "L" or ((kind[0] == "P" or character in SYMBOLS) and not re.search(r"\w", equal))


def table() -> str:
    """Return the module's source."""
    characters = defaultdict[str, list[str]](list)
    for character, equal in equals():
        characters[equal].append(character)
    lines = [f"    ({_literal(equal)}, {_literal(''.join(found))}),\n" for equal, found in sorted(characters.items())]
    return HEAD + "".join(lines) + TAIL


def _literal(text: str) -> str:
    # As the formatter writes it; spaces and other characters that do not print as escapes.
    quote = "'" if '"' in text and "'" not in text else '"'
    escaped = "".join(_escaped(character, quote) for character in text)
    return f"{quote}{escaped}{quote}"


def _escaped(character: str, quote: str) -> str:
    if character in {quote, "\\"}:
        return f"\\{character}"
    if character == " " or (character.isprintable() and not unicodedata.combining(character)):
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def main() -> int:
    """Write the table, or with --check compare it; return the exit status."""
    source = table()
    if "--check" in sys.argv[1:]:
        return int(FILE.read_text() != source)
    FILE.write_text(source)
    return 0


if __name__ == "__main__":
    sys.exit(main())
