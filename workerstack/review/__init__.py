"""A change as data: model, prediction, judging, and how it is shown. No AWS."""
