"""`python -m app ...` is `tillwatch ...`: how our own processes start each other."""

from app.cli import main

main()
