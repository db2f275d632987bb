"""`python -m bridge` is `popbridge`."""

from bridge.cli.main import main

if __name__ == "__main__":
    main()
