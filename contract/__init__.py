"""The API's contract: an OpenAPI document made from the template's routes, the input models, and what is said here.

Nothing of this is imported by a function.
"""
