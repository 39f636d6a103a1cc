"""Code that reads one protocol or metadata standard each, and the loop that runs it."""
