"""Provider messages as they are stored."""

from sales.domain.sms.delivery_reports import DeliveryReport, ProviderMessage
from sales.store.provider_messages import _report_to_text, is_message, message_from_item, message_item_id


def test_a_message_has_its_reports_and_no_order_until_that_is_known() -> None:
    reports = frozenset(DeliveryReport("+254704590344", status, "DeliveryFailure") for status in ("Failed", "Sent"))
    item = {"id": message_item_id("ATXid_1"), "reports": frozenset(map(_report_to_text, reports)), "received_at": "t"}
    assert is_message(item)
    assert message_from_item(item) == ProviderMessage("ATXid_1", None, 0, reports, "t")
    assert message_from_item(item | {"network": "63902"}).network == "63902"
