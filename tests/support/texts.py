"""Texts of one order, for tests of words, links and sizes."""

from functools import partial

from sales.domain.sms import content

CODE = "7KQ2-M9XA"
compose = partial(content.compose, code=CODE)
render = partial(content.render, code=CODE)
