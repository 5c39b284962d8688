"""The commands of deploy.py, one module for those that belong together."""
