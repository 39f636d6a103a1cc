"""OGC API - Records over the portal: two searchable catalogues, `resources` and `observations`."""

from discovery.ogc_api.api import attach

__all__ = ["attach"]
