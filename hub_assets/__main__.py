"""`python -m hub_assets` is the `hub-assets` command."""

from hub_assets.cli import main

if __name__ == "__main__":
    main()
