"""Makes ``harness_fakes`` importable, by the tests and by the processes that they spawn; the toy package, and a command
line in this process."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from plugin_packages import TOY, install

from harness import catalog, cli, commands
from harness.plan import opened


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The toy package installed, in an empty working directory."""
    monkeypatch.syspath_prepend(str(install(TOY, tmp_path / "site")))
    catalog.refresh()
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    opened.cache_clear()
    commands._instrument.cache_clear()
    catalog.refresh()
    for name in [name for name in sys.modules if name.startswith("toy_bench")]:
        del sys.modules[name]


@pytest.fixture
def call(capsys):
    """Run a command line in this process: (exit code, stdout, stderr)."""

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            cli.main([str(word) for word in words])
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return run


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """An empty bucket of an object store on loopback, which this process and those that it starts are told of."""
    import boto3
    import s3fs
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b"), ("DEFAULT_REGION", "us-east-1")):
            patch.setenv(f"AWS_{name}", value)
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        boto3.client("s3").create_bucket(Bucket="bench")
        s3fs.S3FileSystem.clear_instance_cache()
        yield "s3://bench"
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()
