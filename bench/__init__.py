"""Measurements as ratios. They are printed and compared with a limit, and are never tests."""
