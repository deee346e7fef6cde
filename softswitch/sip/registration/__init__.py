"""Being registered somewhere, and staying so: the client's side of RFC 3261 10.2."""
