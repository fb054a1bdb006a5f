"""Use cases of texts: what they say, when they may go out, how they are sent and what becomes of them."""
