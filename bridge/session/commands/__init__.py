"""session.commands."""
