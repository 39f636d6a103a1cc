"""The record of truth: raw and mapped records, sources, runs and changes."""
