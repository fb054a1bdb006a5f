"""The rules of an order's SMS."""
