"""The tool: reads templates, checks, reviews, deploys, verifies, adopts and simulates them."""
