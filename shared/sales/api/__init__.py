"""HTTP in and out: an API Gateway event becomes a request, a result a response."""
