"""The product: customers, orders, and the text each new order sends."""

from sales import startup

startup.begin()
