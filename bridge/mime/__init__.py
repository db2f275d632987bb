"""Internet messages by octet offset (RFC 5322, 2045-2049, 2231): pure, linear, never raising."""
