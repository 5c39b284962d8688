"""A project of a team's own: begun, and brought up to a later version of what it began with."""
