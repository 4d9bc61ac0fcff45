"""A package index for tests: the simple interface over a folder of archives, with ranges, and with faults on demand.
As a program it serves the folder it is given and prints its address."""

import argparse
import hashlib
import http.server
import random
import re
import threading
import zipfile
from pathlib import Path


class Index(http.server.ThreadingHTTPServer):
    """`seen` holds (path, Range header) of each request. `cut_after`: an archive's bytes before the connection is
    dropped, once. `ranges`: False answers every request with the whole. `hashes`: False leaves them out of links."""
    daemon_threads = True

    def __init__(self, folder, port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.folder = Path(folder)
        self.seen = []
        self.cut_after = None
        self.ranges = True
        self.hashes = True
        self.digests = {}

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/simple"

    def digest(self, path):
        key = (path, path.stat().st_mtime_ns)
        if key not in self.digests:
            with path.open("rb") as file:
                self.digests[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return self.digests[key]

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append((self.path, self.headers.get("Range")))
        if found := re.fullmatch(r"/simple/([a-z0-9.-]+)/", self.path):
            return self.page(found[1].replace("-", "_"))
        path = self.server.folder / self.path.partition("?")[0].rpartition("/")[2]
        return self.archive(path) if path.is_file() else self.send_error(404)

    def page(self, stem):
        files = [p for p in sorted(self.server.folder.iterdir()) if p.name.startswith(stem + "-")]
        if not files:
            return self.send_error(404)
        rows = "".join(f'<a href="../../files/{p.name}?a=1&amp;b=2'
                       + (f'#sha256={self.server.digest(p)}' if self.server.hashes else "")
                       + f'">{p.name}</a><br>\n' for p in files)
        data = f"<!DOCTYPE html>\n<html><body>\n{rows}</body></html>\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        return self.wfile.write(data)

    def archive(self, path):
        size = path.stat().st_size
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        start = int(wanted[1]) if wanted and self.server.ranges else 0
        if start >= size:
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("Content-Length", str(size - start))
        self.end_headers()
        cut, self.server.cut_after = self.server.cut_after, None
        with path.open("rb") as file:
            file.seek(start)
            while data := file.read(min(1 << 20, cut if cut is not None else 1 << 20)):
                self.wfile.write(data)
                if cut is not None and (cut := cut - len(data)) <= 0:
                    self.close_connection = True
                    return None
        return None

    def do_POST(self):
        self.send_error(405)

    def send_error(self, code, message=None, explain=None):
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def handle(self):
        try:
            super().handle()
        except ConnectionError:
            pass  # the client left in the middle, as some tests want

    def log_message(self, *_args):
        pass


SAMPLE = "test_model-1.0-py3-none-any.whl"


def sample(folder, name=SAMPLE, size=3_000_000):
    """A wheel with a model of `size` bytes that cannot be packed."""
    content = random.Random(1).randbytes(size)
    with zipfile.ZipFile(Path(folder) / name, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("test_model/__init__.py", "")
        wheel.writestr("test_model/model.gguf", content)
        wheel.writestr("test_model-1.0.dist-info/METADATA", "Name: test-model\n")
    return hashlib.sha256((Path(folder) / name).read_bytes()).hexdigest(), hashlib.sha256(content).hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--sample", action="store_true", help="put a small archive there first; print its hash and its model's")
    parser.add_argument("--cut", type=int, help="drop the first connection for an archive after so many bytes")
    parser.add_argument("--no-ranges", action="store_true")
    parser.add_argument("--no-hashes", action="store_true")
    options = parser.parse_args()
    hashes = sample(options.folder) if options.sample else ()
    index = Index(options.folder, options.port)
    index.cut_after, index.ranges, index.hashes = options.cut, not options.no_ranges, not options.no_hashes
    print(index.url, *hashes, flush=True)
    index.serve_forever()


if __name__ == "__main__":
    main()
