"""Files with customers or orders: reading them, and returning them with the result of each row."""
