"""The best text that fits: no other way to write name and item keeps more of them, or costs less.

The search below writes out every text that a name and an item could make. Values are lists of tokens, each what people see
as one character; what may become of each is written here by hand. It shares no code with the product but `measure`.
"""

import os
import random
from collections.abc import Iterator
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from sales.domain.sms.segments import Content, measure
from tests.support.texts import compose

type Words = list[list[str]]

# The forms of a token besides its own: its equal in GSM-7, or nothing for a sign that GSM-7 lacks.
TOKENS: dict[str, tuple[str, ...]] = {
    "a": (), "b": (), "c": (), " ": (), "-": (), ",": (), "€": (),
    "ũ": ("u",), "Œ": ("OE",), "™": ("(TM)",), "e\u0301": ("é",), "…": ("...", ""), "\U0001d4cc": ("w",),
    "★": ("",), "😀": ("",), "👩🏽\u200d🚒": ("",), "🇰🇪": ("",), "❤\ufe0f": ("",), "漢": (), "ዓ": (),
}  # fmt: skip
WITHOUT_EQUAL = {"漢", "ዓ"}
LETTERS = dict.fromkeys("abcuOETMéũe\U0001d4ccw漢ዓ", 1) | {"Œ": 2, "™": 2}


def letters(text: str) -> int:
    return sum(LETTERS.get(character, 0) for character in text)


def ways(tokens: list[str]) -> Iterator[tuple[Words, bool]]:
    """Yield each way to write a value, and whether words that GSM-7 cannot write are left out."""
    has_letters = any(map(letters, tokens))
    for choice in product(*((token, *TOKENS[token]) for token in tokens)):
        if not has_letters and "" in choice:
            continue
        words: Words = [[]]
        for token in choice:
            if token == " ":
                words.append([])
            elif token:
                words[-1] += token if token.isascii() else [token]
        words = [word for word in words if word]
        yield words, False
        kept = [word for word in words if not WITHOUT_EQUAL & set(word)]
        if kept != words and any(letters(token) for word in kept for token in word):
            yield kept, True


def said(words: Words) -> str:
    return " ".join(map("".join, words))


def cuts(words: Words) -> Iterator[str]:
    shorter = [words[:count] for count in range(1, len(words))] + [
        [words[0][:count]] for count in range(1, len(words[0]))
    ]
    # An item of mere dots says as little as none.
    yield from (f"{said(kept)}..." for kept in shorter if letters(said(kept)) or not letters(said(words)))


def assert_best(wording: str, name: list[str], item: list[str], most: int) -> Content:
    """Compose a text from the tokens and try every other."""
    template = wording + "{name}|{item}"
    text = compose(template, name="".join(name), item="".join(item), currency="KES", amount="1", max_segments=most)
    kept = text.text.removeprefix(wording)
    assert all(kept.split("|"))
    limit, merit = max(most, text.segments), (letters(kept), -text.segments)
    pairs = list(product(ways(name), ways(item)))
    wholes = [measure(f"{wording}{said(name_words)}|{said(item_words)}") for (name_words, _), (item_words, _) in pairs]
    all_letters = letters("".join((*name, *item)))
    is_cut = all(whole.segments > limit or letters(whole.text) < all_letters for whole in wholes)
    for ((name_words, one), (item_words, other)), whole in zip(pairs, wholes, strict=True):
        if letters(whole.text) < merit[0] or (whole.encoding == "UCS-2" and (one or other)):
            continue
        others = [whole]
        if is_cut and whole.segments > limit:
            halves = product([said(name_words), *cuts(name_words)], [said(item_words), *cuts(item_words)])
            cut = (f"{wording}{'|'.join(half)}" for half in halves)
            others = [measure(text) for text in cut if letters(text) >= merit[0]]
        for each in others:
            found = (letters(each.text), -each.segments)
            assert each.segments > limit or found <= merit, (name, item, text, each)
            assert each.segments >= text.segments or text.segments <= most, (name, item, text, each)
    return text


# Wording that leaves little room, so that values are replaced and cut, in each encoding and for one to three segments.
WORDINGS = [
    "x" * (room - short)
    for room in (70, 134, 160, 201, 306, 459)
    for short in (4, 6, 8, 10, 13, 17)
] + ["ж" + "x" * (room - short) for room in (69, 133) for short in (4, 7, 11)]  # fmt: skip
VALUES = st.lists(st.sampled_from(list(TOKENS)), min_size=1, max_size=5).filter(lambda value: "".join(value).strip())


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(WORDINGS), VALUES, VALUES, st.integers(1, 3))
def test_no_other_text_keeps_more_or_costs_less(wording: str, name: list[str], item: list[str], most: int) -> None:
    assert_best(wording, name, item, most)


def test_none_of_many_random_texts_could_be_better() -> None:
    # `make texts` tries 10,000.
    wanted = int(os.environ.get("TEXTS", "1000"))
    dice = random.Random(17)
    tokens = list(TOKENS)
    tried = replaced = 0
    while tried < wanted:
        name, item = (dice.choices(tokens, k=dice.randint(1, 5)) for _ in range(2))
        if "".join(name).strip() and "".join(item).strip():
            text = assert_best(dice.choice(WORDINGS), name, item, dice.randint(1, 3))
            tried += 1
            replaced += not text.text.endswith(f"{''.join(name)}|{''.join(item)}")
    assert replaced > wanted / 2
