"""The STAC API of the portal."""

from discovery.stac_api.api import attach

__all__ = ["attach"]
