"""The API's contract: an OpenAPI document and a Postman collection.

The template has the routes, `sales.schemas` the request bodies, and this package the rest. No function imports it.
"""
