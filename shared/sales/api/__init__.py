"""HTTP: endpoints, tokens, pages of lists, static files, webhooks."""
