"""`python -m catchment`: the same command where the script folder is not on PATH."""

from catchment.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
