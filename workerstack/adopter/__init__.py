"""Adopting a stack that another tool built: its resources, under our logical ids, in place."""
