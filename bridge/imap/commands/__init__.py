"""One file a command family: its dataclasses and the functions that read its arguments."""
