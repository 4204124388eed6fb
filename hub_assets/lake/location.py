"""Where a home's lake is: in its folder, or in the bucket at HUB_ASSETS_LAKE, which the folder then caches."""

import os
from collections.abc import Callable
from pathlib import Path

from hub_assets.lake.binding import BOUND_TO, LakeBinding
from hub_assets.lake.parts import Lake


def lake_at(root: Path, scrub: Callable[[bytes], bytes], binding: Path) -> Lake:
    """Return the lake in a folder, which caches a bucket if HUB_ASSETS_LAKE names one.

    Args:
        root, scrub: see `Lake`.
        binding: a JSON file with the facts on which all homes that share a bucket must agree.

    Raises:
        LakeBinding: if the folder already caches a different bucket, the home disagrees with other homes that share its
            bucket, or the `s3` extra is not installed.
        BucketError, BucketUnreachable: if the bucket cannot be opened.
    """
    address = (os.environ.get("HUB_ASSETS_LAKE") or "").rstrip("/")
    bound = root / BOUND_TO
    known = bound.read_text(encoding="utf-8") if bound.exists() else address
    if known != address:
        raise LakeBinding(
            f"{root} caches {known}, but HUB_ASSETS_LAKE is {address or 'not set'}; set it to {known}, or choose "
            "another home with --home"
        )
    if not address:
        return Lake(root, scrub)
    try:
        from hub_assets.lake.bucket import s3_bucket
        from hub_assets.lake.remote import RemoteLake
    except ImportError as error:
        raise LakeBinding(f"a lake in a bucket needs obstore ({error}); run pip install 'hub-assets[s3]'") from None
    return RemoteLake(root, s3_bucket(address), binding, scrub)
