"""IMAP wire: octets to values and back (RFC 3501, 9051). No store, no clock, no Twisted."""
