"""Discovery finds scientific data across missions and opens it where it lives."""

__version__ = "0.1.0"
