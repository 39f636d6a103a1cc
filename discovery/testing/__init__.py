"""Contracts that an engine or harvester passes, and the oracle that they are compared with."""
