"""The POP3 client's wire: octets in, values out (RFC 1939, 2449, 5034). No I/O, no clock."""
