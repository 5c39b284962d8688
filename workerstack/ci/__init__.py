"""What the workflows of .github/ run: each step a command, `python -m workerstack.ci NAME`.

A workflow is hard to test, and a shell inside it is easy to inject into. So a workflow only
orders steps and gives out permissions, and what a step does is here.
"""
