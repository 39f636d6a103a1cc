"""The one who does the work: keeps the index level with the store, harvests on schedule, does what faces ask for."""

from discovery.steward.keeper import Steward

__all__ = ["Steward"]
