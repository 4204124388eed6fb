"""Base classes for all errors that the command reports in one sentence, with their exit codes.

The errors themselves are defined in the modules that raise them.
"""

from typing import ClassVar


class HubAssetsError(Exception):
    """A failure whose message is written for the user, such as a Hub that is down. The command exits with 1."""

    exit_code: ClassVar[int] = 1


class UserError(HubAssetsError):
    """A mistake that the user can fix, such as a wrong option or setting. The command exits with 2."""

    exit_code: ClassVar[int] = 2
