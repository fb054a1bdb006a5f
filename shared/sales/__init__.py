"""The product: customers, orders, and the text each new order sends."""

from sales.runtime import startup

startup.begin()
