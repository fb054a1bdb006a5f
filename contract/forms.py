"""The forms that Africa's Talking sends to the webhooks, by their schema's name."""

from dataclasses import dataclass

__all__ = ["WEBHOOK_FORMS", "Form"]


@dataclass(frozen=True)
class Form:
    """A webhook's form: its fields, and which of them a request must have."""

    description: str
    fields: tuple[str, ...]
    required: tuple[str, ...]


WEBHOOK_FORMS = {
    "DeliveryReport": Form(
        "What the network reports about a text.",
        fields=("id", "status", "phoneNumber", "networkCode", "failureReason", "retryCount"),
        required=("id", "status", "phoneNumber"),
    ),
    "OptOut": Form("A recipient's STOP.", fields=("phoneNumber", "senderId"), required=("phoneNumber",)),
}
