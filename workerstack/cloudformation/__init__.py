"""A template as data: read, resolve, compare, refer; what policies allow. No AWS."""
