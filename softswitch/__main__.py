"""`python -m softswitch` is the `softswitch` command."""

from softswitch.cli import main

if __name__ == "__main__":
    main(prog_name="softswitch")
