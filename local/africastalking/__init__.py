"""A stand-in for Africa's Talking: the SMS sandbox and its phones page."""
