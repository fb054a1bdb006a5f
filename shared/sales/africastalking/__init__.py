"""Africa's Talking, the SMS provider: its client, one request, and the meaning of its answers."""
