"""Who may do what: the people that the portal knows, by what they show."""

from discovery.people.people import CONSOLE, LINK_LASTS, OPERATORS, SESSION_IDLE, SESSION_LASTS, People
from discovery.people.proofs import form_key

__all__ = ["CONSOLE", "LINK_LASTS", "OPERATORS", "SESSION_IDLE", "SESSION_LASTS", "People", "form_key"]
