"""From a record to a running notebook: where its files are, who can open them, and the notebook itself."""
