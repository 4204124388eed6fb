"""A real Spark Connect server on loopback, installed into an environment of its own."""

import importlib.metadata
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CLASS: Final = "org.apache.spark.sql.connect.service.SparkConnectServer"
START_SECONDS: Final = 120


@dataclass(frozen=True)
class SparkServer:
    """A running server: its `sc://` address, its process and its log."""

    address: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def end(self) -> None:
        """End the server at once: its shutdown hooks can take minutes while a client is still connected."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(60)


@contextmanager
def spark_server(folder: Path, memory: str = "2g", *, is_short: bool = True) -> Iterator[SparkServer]:
    """Run a server on all cores while the block runs; needs Java 17 and a package index.

    The server and the client install into the same folder, so the server cannot share the client's environment.

    Args:
        folder: where to install the server and keep its files.
        memory: the limit of its heap.
        is_short: whether its queries are too short to repay Java's optimizing compiler.

    Raises:
        RuntimeError: if it does not start; the message is the end of its log.
    """
    version = importlib.metadata.version("pyspark-client").rpartition(".")[0]
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    subprocess.run([str(folder / "venv/bin/pip"), "install", "-q", f"pyspark=={version}.*"], check=True)
    (spark_home,) = (folder / "venv").glob("lib/python*/site-packages/pyspark")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    cores = len(os.sched_getaffinity(0))
    # without the optimizing compiler, the code cache defaults to 48 MB, and the server dies when it fills up
    java = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=512m -XX:+UseSerialGC" if is_short else ""
    settings = {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": port,
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.driver.extraJavaOptions": java,
        "spark.log.level": "WARN",
        "spark.sql.shuffle.partitions": cores,
        "spark.sql.warehouse.dir": folder / "warehouse",
        "spark.local.dir": folder / "local",
    }
    # the script that starts it, sbin/start-connect-server.sh, is not in every release's wheel
    command = [
        spark_home / "bin/spark-submit",
        "--class",
        CLASS,
        "--master",
        f"local[{cores}]",
        "--driver-memory",
        memory,
    ]
    for name, value in settings.items():
        command += ["--conf", f"{name}={value}"]
    command.append("spark-internal")
    log = folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            list(map(str, command)),
            cwd=folder,
            env=os.environ | {"SPARK_HOME": str(spark_home), "SPARK_LOCAL_IP": "127.0.0.1"},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    server = SparkServer(f"sc://127.0.0.1:{port}", process, log)
    try:
        _wait_for(port, process, log)
        yield server
    finally:
        server.end()


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.5)
    raise RuntimeError(log.read_text()[-4000:])
