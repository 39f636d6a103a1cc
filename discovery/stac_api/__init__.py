"""The STAC API face."""
