"""popbridge: a POP3 mailbox, kept safe and served over IMAP."""

__version__ = "0.1.0"
