"""The review for people: terminal, Markdown, HTML."""
