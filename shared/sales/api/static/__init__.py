"""Static files: what the console and the reference are made of."""
