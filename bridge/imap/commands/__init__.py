"""imap.commands."""
