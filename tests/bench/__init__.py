"""Side by side with Dovecot, mpop and fetchmail: `make bench`."""
