"""neomutt, typed at as mutt is."""

from tests.e2e.clients.mutt import Mutt


class Neomutt(Mutt):
    """As mutt."""

    program = "neomutt"
    browse = "?\t"
