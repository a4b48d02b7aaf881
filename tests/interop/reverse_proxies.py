"""HAProxy and nginx in front of our proxy, with the very configurations that `docs/howto` hands out.

Only addresses and file names are put in. If a line to replace is not there exactly once, the test fails: then
the document has changed, and this file must follow.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import trustme

from tests.interop.processes import Program, free_port, is_listening

DOCUMENTS = Path(__file__).parents[2] / "docs" / "howto"


def filled_in(document: str, replacements: Mapping[str, str]) -> str:
    """A documented configuration with the test's own addresses and file names."""
    text = (DOCUMENTS / document).read_text("utf-8")
    for documented, ours in replacements.items():
        assert text.count(documented) == 1, f"{document} does not say {documented!r} exactly once"
        text = text.replace(documented, ours)
    return text


@contextmanager
def haproxy(
    folder: Path,
    certificate: trustme.LeafCert,
    upstreams: Sequence[int],
    changes: Mapping[str, str] | None = None,
) -> Iterator[int]:
    """The port where HAProxy takes TLS and passes plain HTTP to these ports of loopback, in turn.

    `changes` are what a test makes worse of the documented configuration.
    """
    port = free_port()
    pem = folder / "haproxy.pem"
    certificate.private_key_and_cert_chain_pem.write_to_path(pem)
    servers = "\n    ".join(f"server rpch{at} 127.0.0.1:{port}" for at, port in enumerate(upstreams, 1))
    replacements = {
        "0.0.0.0:443": f"127.0.0.1:{port}",
        "/etc/haproxy/rpch.pem": str(pem),
        "server rpch1 127.0.0.1:8080": servers,
        **(changes or {}),
    }
    settings = folder / "haproxy.cfg"
    settings.write_text(filled_in("haproxy.cfg", replacements), "utf-8")
    with serving(Program(["haproxy", "-db", "-f", settings], folder), port):
        yield port


@contextmanager
def nginx(folder: Path, certificate: trustme.LeafCert, upstreams: Sequence[int]) -> Iterator[int]:
    """The same with nginx."""
    port = free_port()
    chain, key = folder / "nginx.crt", folder / "nginx.key"
    key.write_bytes(certificate.private_key_pem.bytes())
    chain.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    replacements = {
        "listen 0.0.0.0:443": f"listen 127.0.0.1:{port}",
        "/etc/nginx/rpch.crt": str(chain),
        "/etc/nginx/rpch.key": str(key),
        "/var/log/nginx/error.log": "stderr",
        "/run/nginx.pid": str(folder / "nginx.pid"),
        "server 127.0.0.1:8080 max_fails=0;": "\n".join(
            f"server 127.0.0.1:{upstream} max_fails=0;" for upstream in upstreams
        ),
    }
    settings = folder / "nginx.conf"
    settings.write_text(filled_in("nginx.conf", replacements), "utf-8")
    command: list[str | Path] = ["nginx", "-p", folder, "-e", "stderr", "-c", settings, "-g", "daemon off;"]
    with serving(Program(command, folder), port):
        yield port


@contextmanager
def serving(program: Program, port: int) -> Iterator[None]:
    """A started reverse proxy, from the moment it listens until it is stopped."""
    try:
        program.wait_for(lambda: is_listening("127.0.0.1", port), what="listening port")
        yield
    finally:
        program.stop()
