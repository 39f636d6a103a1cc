"""What is found as files: tables, items and code, written while they are read."""
