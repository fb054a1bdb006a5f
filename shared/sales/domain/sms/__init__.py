"""The rules of an order's SMS: states, wording, content, segments and price."""
