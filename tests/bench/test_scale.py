"""docs/scale.md follows from measurements and template."""

import json

import pytest

from bench import scale
from sales.store.table import FILTERED_READS


@pytest.fixture
def sound() -> scale.Scale:
    units = json.loads((scale.RESULTS / "units.json").read_text())
    writes = json.loads((scale.RESULTS / "writes.json").read_text())
    return scale.Scale(units, writes, scale.template())


def test_the_page_matches_its_sources() -> None:
    assert scale.PAGE.read_text() == scale.computed(), "run python -m bench.scale"


def test_an_order_is_written_to_every_index_that_finds_it(sound: scale.Scale) -> None:
    indexes = {"by_date", "by_customer", "by_sms_status", "by_due", "by_number", "by_code"}
    assert set(sound.writes) == {"table"} | indexes
    # The code never changes: its index is written once, with the order.
    assert sound.writes["by_code"] == 1
    assert min(sound.writes.values()) > 0


def test_the_given_shards_keep_every_partition_within_its_limit(sound: scale.Scale) -> None:
    for rate in scale.RATES:
        for shards, index in ((sound.shards(rate), "by_date"), (sound.due_shards(rate), "by_due")):
            assert rate * sound.writes[index] / shards <= scale.PARTITION_WRITES
            assert shards == 1 or rate * sound.writes[index] / (shards - 1) > scale.PARTITION_WRITES


def test_customers_need_fewer_partitions_and_shards_than_orders(sound: scale.Scale) -> None:
    assert sound.customer_writes == 1
    # The customer of `bench.units` has two names, the one of `bench.writes` three.
    assert sound.costs.functions["create_customer"]["write_units"] == sum(sound.new_customer.values()) - 1
    for rate in scale.RATES:
        written = sound.customers(rate) * sound.customer_writes
        assert written / sound.customer_partitions(rate) <= scale.PARTITION_WRITES
        assert written / sound.customer_shards(rate) <= scale.PARTITION_WRITES
        assert sound.customer_shards(rate) <= sound.shards(rate)
    assert "Partitions of the customers' table" in scale.PAGE.read_text()


def test_a_page_with_a_rare_filter_costs_its_full_read_limit(sound: scale.Scale) -> None:
    assert sound.rare_page == pytest.approx(FILTERED_READS / 25 * sound.costs.functions["list_orders"]["read_units"])
    assert f"reads {FILTERED_READS:,} rows at most" in scale.PAGE.read_text()


def test_more_list_shards_cost_reads_and_nothing_else(sound: scale.Scale) -> None:
    few, many = sound.month(100), sound.month(1_000)
    for item, dollars in many.items():
        if item == "DynamoDB reads":
            assert dollars > 10.01 * few[item]
        else:
            assert dollars == pytest.approx(10 * few[item])


def test_a_slower_provider_lets_fewer_texts_through(sound: scale.Scale, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sound.texts(1_000)
    monkeypatch.setattr("bench.cost.PROVIDER_WAIT", 2_000.0)
    assert sound.texts(1_000) < 0.6 * before
