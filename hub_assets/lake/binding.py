"""What ties a lake's folder and home to the bucket that the folder caches. Opening the lake does not belong here."""

from typing import Final

from hub_assets.errors import UserError

BOUND_TO: Final = ".remote"
"""Name of the file in a lake's folder that records the address of the bucket that the folder caches."""


class LakeBinding(UserError):
    """The folder or its home does not match the bucket, or the S3 client is not installed."""
