"""The demonstration catalogue: recorded real data, and the small server that plays its TAP services."""
