"""`python -m scenarios` is the command `vamappo`."""

from scenarios.commands import main

main()
