"""Requests that somebody with bad intentions would send, as the raw bytes of HTTP."""

import io
import json
import random
import zipfile
from collections.abc import Iterator
from urllib.parse import quote

import numpy as np

SECRET = b"what lies outside of the workspace"
SITES = 24

_STEPS = (
    "../",
    "..%2f",
    "%2e%2e/",
    "%2e%2e%2f",
    "..%5c",
    "..\\",
    "....//",
    "%252e%252e%252f",
    "..%c0%af",
    "..%00/",
)
_ROUTES = (
    "/api/v1/trees/{}",
    "/api/v1/trees/{}/nodes",
    "/api/v1/trees/tree/exports/{}",
    "/api/v1/stores/{}",
    "/api/v1/stores/{}/machines/1000",
    "/docs/{}",
    "/{}",
)
_TARGETS = (
    "secret.txt",
    "secret",
    "etc/passwd",
    "proc/self/environ",
    "proc/self/mem",
    ".carving/jobs.sqlite",
)


def requests(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """``count`` of them, each with what kind it is."""
    draw = random.Random(seed)
    kinds = list(_KINDS.items())
    for number in range(count):
        name, make = kinds[number % len(kinds)]
        yield name, make(draw)


def message(method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    """A request as bytes; given headers win."""
    every = {"Host": "127.0.0.1", "Connection": "close", "Content-Length": str(len(body)), **(headers or {})}
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in every.items())
    return head.encode("latin-1", "replace") + b"\r\n" + body


def placement(body: bytes, kind: str = "application/json", **headers: str) -> bytes:
    return message("POST", "/api/v1/trees/tree/placements", {"Content-Type": kind, **headers}, body)


# ---- paths


def _path(draw: random.Random) -> bytes:
    target = draw.choice(_STEPS) * draw.randint(1, 9) + draw.choice(_TARGETS)
    if draw.random() < 0.2:
        target = "/" + target
    if draw.random() < 0.2:
        target = quote(target, safe="")
    return message(draw.choice(("GET", "GET", "DELETE", "PUT")), draw.choice(_ROUTES).format(target))


def _link(draw: random.Random) -> bytes:
    name = draw.choice(("link", "linked-tree", "link~secret.txt", "linked-tree~tree.zarr", "loop~loop~loop"))
    return message("GET", draw.choice(_ROUTES[:5]).format(name))


def _raw_path(draw: random.Random) -> bytes:
    path = "/" + "".join(chr(draw.randint(1, 255)) for _ in range(draw.randint(1, 200))).replace("\r", "")
    return message("GET", path.replace("\n", "").replace(" ", "%20"))


# ---- headers


def _header(draw: random.Random) -> bytes:
    name = draw.choice(
        ("Accept", "Content-Type", "Host", "Origin", "Authorization", "Cookie", "Last-Event-ID", "Range")
    )
    value = draw.choice(
        (
            "x" * draw.randint(1, 60_000),
            "," * draw.randint(1, 20_000),
            "../../etc/passwd",
            "text/csv;q=" + "9" * draw.randint(1, 5000),
            "bytes=0-" + ",0-" * draw.randint(1, 2000),
            "%s%n%x" * draw.randint(1, 100),
            "".join(chr(draw.randint(128, 255)) for _ in range(50)),
            "application/json; charset=" + draw.choice(("utf-7", "idna", "unicode_escape", "rot13")),
        )
    )
    path = draw.choice(("/api/v1/trees/tree/nodes", "/api/v1/stores", "/health", "/metrics"))
    return message("GET", path, {name: value})


def _many_headers(draw: random.Random) -> bytes:
    many = {f"X-{number}": "y" * draw.randint(0, 30) for number in range(draw.randint(1, 3000))}
    return message("GET", "/health", many)


def _length(draw: random.Random) -> bytes:
    lengths = ("-1", "99999999999999999999", "0x10", "1e9", "5, 6", "", "²", "+5", "1" * 5000)
    return placement(b"{}", **{"Content-Length": draw.choice(lengths)})


def _chunked(draw: random.Random) -> bytes:
    sizes = ("FFFFFFFFFFFFFFFF", "-1", "zz", "0" * 5000, "5;" + "x" * draw.randint(1, 20_000))
    head = message("POST", "/api/v1/trees/tree/placements", {"Transfer-Encoding": "chunked"})
    return (
        head.replace(b"Content-Length: 0\r\n", b"")
        + f"{draw.choice(sizes)}\r\n{{}}".encode()
        + b"\r\n0\r\n\r\n"
    )


def _method(draw: random.Random) -> bytes:
    method = draw.choice(("TRACE", "CONNECT", "PROPFIND", "x" * 500, "GET\tGET", "PATCH", "LINK"))
    return message(method, draw.choice(("/", "/api/v1/trees/tree", "*", "http://169.254.169.254/")))


# ---- bodies


def _deep(draw: random.Random) -> bytes:
    depth = draw.choice((100, 1024, 5_000, 100_000, 1_000_000))
    opening, closing = draw.choice((("[", "]"), ('{"samples":', "}")))
    body = opening * min(depth, 3_000_000 // len(opening)) + (closing * depth if draw.random() < 0.5 else "")
    return placement(body.encode()[:4_000_000])


def _wide(draw: random.Random) -> bytes:
    piece = draw.choice(("[],", "{},", '"",', "0,", "[0],", "null,", "1e308,", '"\\ud800",'))
    body = '{"samples": [' + piece * (draw.choice((1000, 100_000, 4_000_000)) // len(piece)) + "0]}"
    return placement(body.encode()[: 4 * 2**20])


def _values(draw: random.Random) -> bytes:
    value = draw.choice(
        ("NaN", "Infinity", "-1", "2", "0.5", "1e400", "9" * 400, "true", "null", '"0"', "[0]", "{}")
    )
    width = draw.choice((0, 1, SITES - 1, SITES, SITES + 1, 1000))
    return placement(('{"samples": [[' + ",".join([value] * width) + "]]}").encode())


def _zip_bomb(draw: random.Random) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        rows = draw.choice((10, 1000, 400_000))
        header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({rows}, {SITES}), }}"
        if draw.random() < 0.5:
            header = header.replace(str(rows), str(10 ** draw.randint(9, 18)))
        text = header.ljust(117) + "\n"
        head = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()
        name = draw.choice(("samples.npy", "../samples.npy", "/etc/samples.npy", "..\\samples.npy"))
        archive.writestr(name, head + bytes(rows * SITES))
        for number in range(draw.choice((0, 0, 3, 40))):
            archive.writestr(f"{number}.npy", bytes(10_000))
    return placement(file.getvalue(), "application/x-npz")


def _lying_zip(draw: random.Random) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, samples=np.zeros((draw.randint(1, 50), SITES), dtype=np.uint8))
    content = bytearray(file.getvalue())
    for _ in range(draw.randint(1, 20)):
        content[draw.randrange(len(content))] = draw.randint(0, 255)
    return placement(bytes(content), "application/x-npz")


def _pickle(draw: random.Random) -> bytes:
    file = io.BytesIO()
    objects = np.array([[print]], dtype=object) if draw.random() < 0.5 else np.array([[{}]], dtype=object)
    np.savez(file, samples=objects)
    return placement(
        file.getvalue(), draw.choice(("application/x-npz", "application/octet-stream", "text/csv"))
    )


def _text(draw: random.Random) -> bytes:
    kind = draw.choice(("text/csv", "text/x-fasta"))
    text = draw.choice(
        (
            ">" * 100_000,
            ">a\n" + "A" * draw.randint(1, 4_000_000),
            ">a\n" * 50_000,
            "0," * 1_000_000,
            "\n" * 1_000_000,
            "0\n" * 1_000_000,
            '"' * 100_000,
            "\x00" * 1000,
            "=cmd|' /C calc'!A0\n",
            "\ufeff0,1\n",
            "٣,٤\n",
        )
    )
    return placement(text.encode()[: 4 * 2**20], kind)


def _query(draw: random.Random) -> bytes:
    parameter = draw.choice(("age", "order", "tolerance", "ages", "offset", "limit", "points"))
    value = draw.choice(
        (
            "-1",
            "9" * 300,
            "1e999",
            "nan",
            "all",
            "every:0",
            "log:99999999",
            "1," * 900 + "1",
            "%00",
            "'; DROP TABLE jobs;--",
        )
    )
    route = draw.choice(("fixed-points", "trajectories"))
    path = f"/api/v1/stores/checkpoints/{route}?{parameter}={quote(value)}"
    body = json.dumps({"samples": [[0] * SITES]}).encode()
    return message("POST", path, {"Content-Type": "application/json"}, body)


def _too_large(draw: random.Random) -> bytes:
    return placement(b"0" * (5 * 2**20), draw.choice(("application/json", "text/csv", "text/x-fasta")))


_KINDS = {
    "path": _path,
    "link": _link,
    "raw path": _raw_path,
    "header": _header,
    "many headers": _many_headers,
    "length": _length,
    "chunked": _chunked,
    "method": _method,
    "deep": _deep,
    "wide": _wide,
    "values": _values,
    "zip bomb": _zip_bomb,
    "lying zip": _lying_zip,
    "pickle": _pickle,
    "text": _text,
    "query": _query,
    "too large": _too_large,
}
