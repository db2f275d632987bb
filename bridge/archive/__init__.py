"""Mail outside the store: the formats of backups, Maildir, mbox, eml and UIDL files; pure."""
