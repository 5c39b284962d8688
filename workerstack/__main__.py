"""``python -m workerstack``: the installed command, where only the folder is there."""

from workerstack.commands.program import main

if __name__ == "__main__":
    main()
