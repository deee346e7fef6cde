"""One file per resource: what it answers, and its part of the OpenAPI document."""
