"""Reports an error as one escaped sentence and an exit code, without a traceback."""

from typing import Any

import click

from hub_assets.errors import HubAssetsError
from hub_assets.report.text import LONGEST_MESSAGE, cut, escaped


class CommandFailed(click.ClickException):
    """An error that click prints after `Error:`, with its exit code."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # click reads it from the instance

    def format_message(self) -> str:
        """Return the message, escaped and truncated, because it may quote the Hub or a file."""
        return cut(escaped(self.message), LONGEST_MESSAGE)


class GuardedGroup(click.Group):
    """A group whose commands report the project's errors and a full disk in one sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the requested command."""
        from hub_assets.disk import is_full

        try:
            return super().invoke(ctx)
        except HubAssetsError as error:
            raise CommandFailed(_message_of(error), error.exit_code) from error
        except Exception as error:
            if is_full(error):
                raise CommandFailed("The disk is full. Free some space and run the command again to resume.") from error
            raise


def _message_of(error: HubAssetsError) -> str:
    from hub_assets.hub.http.errors import TokenRefused

    if isinstance(error, TokenRefused):
        return f"The Hub rejected the token: {error}. Set a valid HF_TOKEN, or unset it."
    return str(error)
