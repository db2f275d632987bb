"""One file per schema version; never edited after a release."""
