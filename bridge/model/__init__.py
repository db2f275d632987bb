"""The nouns of the bridge: frozen values, standard library only; no I/O, no clock."""
