"""The table of countries, compared with libphonenumber's regions and CLDR's names."""

import phonenumbers
import pytest
from babel import Locale

from sales.domain.countries import _by_region, calling_code_of, country, shared_with

TABLE = _by_region()


def test_regions_and_calling_codes_are_libphonenumbers() -> None:
    codes = {region: str(phonenumbers.country_code_for_region(region)) for region in phonenumbers.SUPPORTED_REGIONS}
    assert {region: entry.calling_code for region, entry in TABLE.items()} == codes


def test_names_are_those_of_cldr() -> None:
    territories = Locale("en").territories
    assert {region: entry.name for region, entry in TABLE.items()} == {region: territories[region] for region in TABLE}


def test_a_country_is_found_by_its_region_only() -> None:
    assert country("KE") == ("KE", "254", "Kenya")
    for text in ("ke", "254", "", "ZZ", "001", "Kenya"):
        with pytest.raises(ValueError, match="is not the code of a country, such as KE"):
            country(text)


def test_countries_with_one_calling_code_know_each_other() -> None:
    assert shared_with("KE") == []
    assert [other.region for other in shared_with("KZ")] == ["RU"]
    for region in TABLE:
        others = set(phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(country(region).calling_code)]) - {region}
        assert {other.region for other in shared_with(region)} == others


def test_the_calling_code_of_a_number_is_libphonenumbers() -> None:
    for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        assert calling_code_of(f"+{code}0000000") == str(code)
