"""``python -m linksim`` is the ``linksim`` command."""

from linksim.cli.main import main

if __name__ == "__main__":
    main()
