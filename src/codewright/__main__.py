"""`python -m codewright` is `codewright`."""

from codewright.cli import main

main()
