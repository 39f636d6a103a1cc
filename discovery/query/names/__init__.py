"""Names that mean a region: things on the sky, places on Earth, and other bodies, out of tables that travel with us.

`resolve` knows what a whole text may mean, `near` the one region of a name, `spotted` the names inside of a question,
and `beginning` what somebody may be about to type. The tables are read when the first of them is asked.
"""

from discovery.query.names.finding import (
    MAX_NAME,
    Resolve,
    Spotted,
    beginning,
    near,
    ready,
    resolve,
    spotted,
    suggested,
)
from discovery.query.names.named import KINDS, Named

__all__ = [
    "KINDS",
    "MAX_NAME",
    "Named",
    "Resolve",
    "Spotted",
    "beginning",
    "near",
    "ready",
    "resolve",
    "spotted",
    "suggested",
]
