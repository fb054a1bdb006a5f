"""Whether two texts say the same words, however they are written."""

import unicodedata

from sales.domain.characters import without_invisible

__all__ = ["fold_words", "same_words"]


def fold_words(text: str) -> str:
    """Return the same text for all ways to write these words: in either case, with other spaces, in another Unicode form."""
    folded = unicodedata.normalize("NFKC", without_invisible(text)).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def same_words(one: str, other: str) -> bool:
    """Tell whether two texts have the same words, however they are written."""
    return fold_words(one) == fold_words(other)
