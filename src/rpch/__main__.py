"""`python -m rpch` is `rpch`, with this interpreter."""

from __future__ import annotations

from rpch.cli import main

if __name__ == "__main__":
    main()
