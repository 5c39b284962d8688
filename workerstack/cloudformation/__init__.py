"""A template as data: read, resolved, compared. No AWS."""
