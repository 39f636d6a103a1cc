"""Filters as CQL2 text and CQL2 JSON (OGC 21-065r2), read and written; user text meets no other parser.

Read: basic and advanced comparison, CASEI and ACCENTI, the spatial functions that a region can answer, all temporal
functions, A_CONTAINS and A_OVERLAPS. Not read, each with an error that says so: arithmetic, other functions, and
comparing one property with another. Every input is answered within the limits of `discovery.query.cql2.limits`.

Of our own: `CIRCLE(lon lat, radius)` and `MOC('...')` beside the geometries of WKT, `geometry.sky` (or another frame)
beside `geometry`, and `U&'...'` for the few texts that CQL2's quotes cannot hold.
"""

from discovery.query.cql2.json_form import parse_json, to_json
from discovery.query.cql2.limits import MAX_BYTES, MAX_DEPTH, MAX_JSON_BYTES, MAX_POSITIONS, MAX_PREDICATES
from discovery.query.cql2.text_form import parse_text
from discovery.query.cql2.writer import to_text

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_JSON_BYTES",
    "MAX_POSITIONS",
    "MAX_PREDICATES",
    "parse_json",
    "parse_text",
    "to_json",
    "to_text",
]
