"""All odd messages, in a fixed order."""

from tests.corpus import addresses, bodies, boundaries, fields, parts
from tests.corpus.build import Odd


def messages() -> tuple[Odd, ...]:
    """Every message; the same at each call and on each machine."""
    families = (boundaries, parts, fields, addresses, bodies)
    return tuple(odd for family in families for odd in family.messages())
