"""The nouns of the portal as frozen values."""
