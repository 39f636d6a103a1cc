"""Who may do what: the people that the portal knows, by what they show."""
