"""`python -m photoplay` is the `photoplay` command."""

from photoplay.main import main

main()
