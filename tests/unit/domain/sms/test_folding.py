"""Characters outside GSM-7 replaced by their equals inside."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sales.domain.characters import CONTROLS
from sales.domain.sms.folding import fold, fold_all
from sales.domain.sms.segments import GSM_7, costly_characters, measure


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("“55” TV”", '"55" TV"'),
        ("a–b—c…", "a-b-c..."),
        ("a\u00a0b\tc", "a b c"),
        ("Wanjikũ", "Wanjiku"),
        ("₦500", "NGN 500"),
        ("₦ 500", "NGN 500"),
        ("a\u200bb\u00adc", "abc"),
        ("crème brûlée", "crème brulée"),
        ("Müller", "Müller"),
        ("fiﬁ", "fifi"),
        ("Jose\u0301 Wanjiku\u0303", "José Wanjiku"),
        ("Ɗanladi Ɓala, Kɔfi Ŋɛ", "Danladi Bala, Kofi Ne"),
        ("½ kg", "1/2 kg"),
        ("1½ kg of ¾ inch", "1 1/2 kg of 3/4 inch"),
        ("₦ 500 ₵20", "NGN 500 GHS 20"),
        ("2×4, 5′ 6″", "2x4, 5' 6\""),
        ("Ọlábísí Ṣọlá Èkó", "Olabisi Sola Eko"),
        ("e\u0301 n\u0303 u\u0323\u0301", "é ñ u"),
        (".\u0301", ".\u0301"),
        ("4°C ¨", "4°C ¨"),
        ("\u2003a\u3000\u00a0b", " a  b"),
        ("1️⃣", "1️⃣"),
        ("ũ  b", "u  b"),
        ("\nũ \n½", "\nu \n1/2"),
        ("₦  b", "NGN  b"),
        # In UCS-2 as well, but shorter by a segment.
        ("e\u0301" * 36 + "漢", "é" * 36 + "漢"),
        ("क\u093c", "क\u093c"),
        ("😀 漢", "😀 漢"),
        ("አበበ ከበደ", "አበበ ከበደ"),
        ("محمد، علي؟", "محمد، علي؟"),
        # The emoji keeps the text in UCS-2, so it gains nothing if the name is written another way.
        ("Wanjikũ 😀…", "Wanjikũ 😀…"),
    ],
)
def test_folding_replaces_only_costly_characters_with_an_equal_in_gsm_7(written: str, folded: str) -> None:
    assert fold(written) == folded


FOLDED = st.text(st.sampled_from("a ]…™₦ũ’é\u0301\u200b½⒇😀漢"), max_size=200)


@given(st.text(max_size=200) | FOLDED)
@example("😀" + "…" * 40)
@example("™" * 70)
@example("e\u0301" * 70 + "漢")
def test_folding_never_makes_a_text_dearer_and_a_second_time_changes_nothing(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert measure(folded).segments <= measure(text).segments
    assert len(costly_characters(folded)) <= len(costly_characters(text))


# https://www.twilio.com/docs/messaging/services/smart-encoding-char-list: what each of these characters becomes there.
TWILIO = {
    '"': "«»“”ʺˮ‟❝❞〝〞＂„",
    "'": "‘’ʻˈʼʽʹ‛＇´ˊ`ˋ❛❜\u0313\u0314\ufe10\ufe11",
    "/": "÷⧸\u0337\u0338⁄∕／",
    "1/4": "¼",
    "1/2": "½",
    "3/4": "¾",
    "\\": "⧹⧵\u20e5﹨＼",
    "_": "\u0332＿‗",
    "|": "\u20d2\u20d3∣｜⎸⎹⏐⎜⎟",
    "-": "⎼⎽―﹣－‐•⁃—–",
    "@": "﹫＠",
    "$": "﹩＄",
    "!": "ǃ\ufe15﹗！",
    "!!": "‼",
    "#": "﹟＃",
    "%": "﹪％",
    "&": "﹠＆",
    ",": "‚\u0326﹐、﹑，､",
    "(": "❨❪﹙（⟮⦅",
    ")": "❩❫﹚）⟯⦆",
    "*": "⁎∗⊛✢✣✤✥✱✲✳✺✻✼✽❃❉❊❋⧆﹡＊",
    "+": "˖﹢＋",
    ".": "。﹒．｡",
    ":": "ː˸⦂꞉\ufe13：",
    ";": "⁏\ufe14﹔；",
    "<": "﹤＜›",
    ">": "﹥＞‹",
    "=": "\u0347꞊﹦＝",
    "?": "\ufe16﹖？",
    "^": "ˆ\u0302＾\u1dcd",
    "{": "❴﹛｛",
    "}": "❵﹜｝",
    "[": "［",
    "]": "］",
    "~": "˜˷\u0303\u0330\u0334∼～",
    " ": "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\t",
    "": "\u200b\ufeff\u2060",
    "...": "…",
    **{chr(ord("0") + value): chr(0xFF10 + value) for value in range(10)},
    **{chr(ord("A") + value): chr(0xFF21 + value) for value in range(26)},
}
SMALL_CAPITALS = dict(zip("ABCDEFGHIJKLMNOPRSTUVWYZ", "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", strict=True))
# Where we differ, and why.
OURS = {
    # An accent behind a letter belongs to it: Twilio writes `u~` for the Gikuyu letter.
    **dict.fromkeys("\u0313\u0314\u0337\u0338\u20e5\u0332\u20d2\u20d3\u0326\u0347\u0302\u1dcd\u0303\u0330\u0334", ""),
    # A fraction behind a number: `1 1/2`.
    "¼": " 1/4", "½": " 1/2", "¾": " 3/4",
    # These are commas, not quotation marks.
    "\ufe10": ",", "\ufe11": ",",
    # These are double, as CLDR has them.
    "⦅": "((", "⦆": "))",
    # Each points the other way than Twilio's.
    "‹": "<", "›": ">",
}  # fmt: skip


def test_every_character_of_twilios_list_becomes_gsm_7_as_there() -> None:
    published = [(character, equal) for equal, characters in TWILIO.items() for character in characters]
    published += [(character, equal) for equal, character in SMALL_CAPITALS.items()]
    assert len(published) == 253  # without the line and the paragraph separator, which no value has
    for character, equal in published:
        assert fold_all(f"a{character}b") == f"a{OURS.get(character, equal)}b", ascii(character)


# The letters of national orthographies that ASCII lacks, and what people write without them.
ALPHABETS = {
    "Ewe": ("ƉɖƐɛƑƒƔɣŊŋƆɔƲʋ", "DdEeFfGgNnOoVv"),
    "Akan": ("ƐɛƆɔ", "EeOo"),
    "Hausa": ("ƁɓƊɗƘƙƳƴʼ", "BbDdKkYy'"),
    "Yoruba": ("ẸẹỌọṢṣŃńǸǹ", "EeOoSsNnNn"),
    "Igbo": ("ỊịỌọỤụṄṅ", "IiOoUuNn"),
    "Gikuyu": ("ĨĩŨũ", "IiUu"),
    "Luganda": ("Ŋŋ", "Nn"),
    "Fulfulde": ("ƁɓƊɗŊŋƝɲƳƴ", "BbDdNnNnYy"),
    "Kanuri": ("ƎǝƏə", "EeEe"),
    "Arabic names in Latin letters": ("ʿʾĀāĪīŪūḤḥṢṣṬṭ", "''AaIiUuHhSsTt"),
}


@pytest.mark.parametrize("language", ALPHABETS)
def test_the_letters_of_a_language_become_those_that_people_write_without_them(language: str) -> None:
    letters, equals = ALPHABETS[language]
    assert fold_all(letters) == equals


@given(st.text(max_size=100))
def test_only_what_gsm_7_lacks_is_folded_and_nothing_becomes_empty(text: str) -> None:
    folded = fold_all(text)
    assert [each for each in folded if each in GSM_7 and each in text] or not [each for each in text if each in GSM_7]
    for character in text:
        if character in GSM_7:
            assert fold_all(character) == character
        elif character not in CONTROLS:
            assert fold_all(character).strip() or not character.strip() or fold_all(f"a{character}") == "a"
