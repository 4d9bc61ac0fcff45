"""Codebases whose files come as a form or an archive: what is taken, what is refused, and that nothing is half done."""

import gzip
import io
import os
import socket
import stat
import struct
import tarfile
import zipfile
import zlib

import pytest

FIRST = "def first_one():\n    return 'x'\n"
SECOND = "def second_one():\n    return 'y'\n"


@pytest.fixture
def codebase(server):
    made = server.http.post("/api/v1/codebase/create", json={"name": os.urandom(8).hex(), "primaryLanguage": "python"})
    return made.json()["codebaseId"]


def upload(server, codebase, content=None, kind="application/zip", **options):
    if content is not None:
        options = {"content": content, "headers": {"Content-Type": kind}, **options}
    return server.http.post(f"/api/v1/codebase/{codebase}/upload", **options)


def taken(server, codebase, reply):
    """Waits for the job of an upload; the paths that the codebase has then."""
    assert reply.status_code == 202, reply.text
    assert reply.json()["status"] == "indexing"
    assert server.wait_indexed(codebase)["status"] == "ready"
    return paths(server, codebase)


def paths(server, codebase):
    return set(filter(None, server.sql(
        f"SELECT file_path FROM sent_files WHERE repository_id = '{codebase}'").split("\n")))


def found(server, codebase, query):
    reply = server.http.post(f"/v1/repositories/{codebase}/search", json={"query": query})
    return {hit["file_path"] for hit in reply.json()["results"]}


def zip_of(files, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def tar_of(files, mode="w", form=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=form) as archive:
        for name, content in files.items():
            member = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content if isinstance(content, bytes) else content.encode()))
    return out.getvalue()


def skipped(reply):
    return {row["path"]: row["code"] for row in reply.json()["skipped"]}


LONG = "deep/" * 40 + "file.py"  # more than a ustar header holds

ARCHIVES = {
    "zip": (lambda f: zip_of(f), "application/zip"),
    "stored zip": (lambda f: zip_of(f, zipfile.ZIP_STORED), "application/zip"),
    "tar": (lambda f: tar_of(f), "application/x-tar"),
    "gnu tar": (lambda f: tar_of(f, form=tarfile.GNU_FORMAT), "application/x-tar"),
    "tar.gz": (lambda f: tar_of(f, "w:gz"), "application/gzip"),
    "two gzip members": (lambda f: gzip.compress(tar_of(f)[:700]) + gzip.compress(tar_of(f)[700:]), "application/gzip"),
    "as bytes": (lambda f: tar_of(f, "w:gz"), "application/octet-stream"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_upload__takes_every_kind_of_archive(server, codebase, name):
    make, kind = ARCHIVES[name]
    reply = upload(server, codebase, make({"a.py": FIRST, "pkg/ü.py": SECOND, LONG: "x = 1\n", "empty.py": ""}), kind)
    assert taken(server, codebase, reply) == {"a.py", "pkg/ü.py", LONG, "empty.py"}
    assert (reply.json()["uploadedFiles"], reply.json()["skippedFiles"]) == (4, 0)
    assert found(server, codebase, "second_one") == {"pkg/ü.py"}
    status = server.http.get(f"/api/v1/codebase/{codebase}/status").json()
    assert (status["status"], status["fileCount"], status["progress"]) == ("ready", 4, 1)


def test_upload__takes_zstd(server, codebase, tmp_path):
    import shutil
    import subprocess
    if shutil.which("zstd") is None:
        pytest.skip("needs the command zstd")
    packed = subprocess.run(["zstd", "-c"], input=tar_of({"a.py": FIRST}), capture_output=True, check=True).stdout
    assert taken(server, codebase, upload(server, codebase, packed, "application/zstd")) == {"a.py"}
    torn = upload(server, codebase, packed[:-9], "application/zstd")
    assert (torn.status_code, torn.json()["code"]) == (422, "unprocessable")


def test_upload__takes_a_form(server, codebase):
    reply = upload(server, codebase, files=[("files", ("a.py", FIRST)), ("files", ("pkg/b.py", SECOND)),
                                            ("files", ("./c//d.py", "x = 1\n"))], data={"note": "no file"})
    assert taken(server, codebase, reply) == {"a.py", "pkg/b.py", "c/d.py"}
    again = upload(server, codebase, files=[("files", ("code.tar.gz", tar_of({"e.py": SECOND}, "w:gz")))])
    assert taken(server, codebase, again) == {"a.py", "pkg/b.py", "c/d.py", "e.py"}
    # Beside others an archive is a file like them, and binary.
    both = upload(server, codebase, files=[("files", ("code.zip", zip_of({"f.py": "" + SECOND * 9}))),
                                           ("files", ("g.py", FIRST))])
    assert "g.py" in taken(server, codebase, both) and skipped(both) == {"code.zip": "binary"}


def test_upload__replaces_when_asked(server, codebase):
    taken(server, codebase, upload(server, codebase, zip_of({"a.py": FIRST, "b.py": SECOND})))
    reply = upload(server, codebase, zip_of({"b.py": FIRST + "# changed\n", "c.py": SECOND}), params={"replace": "true"})
    assert taken(server, codebase, reply) == {"b.py", "c.py"}
    assert found(server, codebase, "first_one") == {"b.py"} and found(server, codebase, "second_one") == {"c.py"}


def test_upload__says_what_it_leaves_out(server, codebase):
    link = tarfile.TarInfo("link.py")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    pipe = tarfile.TarInfo("pipe")
    pipe.type = tarfile.FIFOTYPE
    reply = upload(server, codebase, tar_of({
        "a.py": FIRST, link: "", pipe: "", "image.png": b"\x89PNG\0\0", "big.py": os.urandom(9 << 20).hex()[:9 << 20],
        "node_modules/x/index.js": "x\n", ".git/config": "x\n"}), "application/x-tar")
    assert taken(server, codebase, reply) == {"a.py"}
    assert skipped(reply) == {
        "link.py": "not_a_file", "pipe": "not_a_file", "image.png": "binary", "big.py": "body_too_large",
        "node_modules/x/index.js": "excluded", ".git/config": "excluded"}
    assert (reply.json()["uploadedFiles"], reply.json()["skippedFiles"]) == (1, 6)
    info = zipfile.ZipInfo("link.py")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    info.create_system = 3
    reply = upload(server, codebase, zip_of({info: "/etc/passwd", "b.py": SECOND}))
    assert taken(server, codebase, reply) == {"a.py", "b.py"} and skipped(reply) == {"link.py": "not_a_file"}


def test_upload__names_a_thousand_of_what_it_leaves_out_and_counts_all(server, codebase):
    reply = upload(server, codebase, zip_of({f"f{i}": b"\0" for i in range(1003)} | {"a.py": FIRST}))
    assert taken(server, codebase, reply) == {"a.py"}
    assert (len(reply.json()["skipped"]), reply.json()["skippedFiles"]) == (1000, 1003)


def zip_bomb():
    """Many directory entries over one content (Fifield): small to send, gigabytes to unpack."""
    content = b" " * (4 << 20)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(content) + packer.flush()
    crc, name = zlib.crc32(content), b"a.py"
    local = struct.pack("<IHHHHHIIIHH", 0x04034b50, 20, 0, 8, 0, 0, crc, len(packed), len(content), len(name), 0)
    entry = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014b50, 20, 20, 0, 8, 0, 0, crc, len(packed), len(content),
                        len(name), 0, 0, 0, 0, 0, 0) + name
    body = local + name + packed
    return body + entry * 500 + struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, 500, 500, len(entry) * 500, len(body), 0)


def changed_byte(archive, needle, offset, value):
    at = archive.index(needle) + offset
    return archive[:at] + value + archive[at + len(value):]


GOOD_ZIP = zip_of({"a.py": FIRST * 40})
GOOD_GZIP = tar_of({"a.py": FIRST * 4000}, "w:gz")
REFUSED = {
    "climbs": zip_of({"a.py": FIRST, "../b.py": SECOND}),
    "climbs late": tar_of({"a.py": FIRST, "x/../../b.py": SECOND}),
    "climbs by backslash": zip_of({"..\\b.py": SECOND}),
    "absolute": tar_of({"/etc/cron.d/x": SECOND}),
    "zip bomb": zip_bomb(),
    "gzip bomb": tar_of({f"a{i}.py": b" " * (7 << 20) for i in range(4)}, "w:gz"),
    "torn gzip": GOOD_GZIP[:len(GOOD_GZIP) // 2],
    "torn tar": tar_of({"a.py": FIRST * 400})[:3000],
    "torn zip": GOOD_ZIP[:-30],
    "wrong checksum": changed_byte(GOOD_ZIP, b"PK\x01\x02", 16, b"\0\0\0\0"),
    "longer than said": changed_byte(GOOD_ZIP, b"PK\x01\x02", 24, b"\1\0\0\0"),
    "reaches past its end": changed_byte(GOOD_ZIP, b"PK\x01\x02", 20, b"\xff\xff\xff\x7f"),
    "lies elsewhere": changed_byte(GOOD_ZIP, b"PK\x01\x02", 42, b"\xff\xff\xff\x7f"),
    "ZIP64": changed_byte(GOOD_ZIP, b"PK\x01\x02", 24, b"\xff\xff\xff\xff"),
    "encrypted": changed_byte(GOOD_ZIP, b"PK\x01\x02", 8, b"\1"),
    "other method": zip_of({"a.py": FIRST * 9}, zipfile.ZIP_BZIP2),
    "no archive": b"hello " * 400,
    "gzip of no tar": gzip.compress(b"hello " * 400),
    "wrong header": tar_of({"a.py": FIRST})[:100] + b"9" + tar_of({"a.py": FIRST})[101:],
    "no file": zip_of({}),
    "only a folder": zip_of({"folder/": ""}),
}


@pytest.fixture(scope="module")
def keeper(server):
    made = server.http.post("/api/v1/codebase/create", json={"name": "keeper", "primaryLanguage": "python"})
    taken(server, made.json()["codebaseId"], upload(server, made.json()["codebaseId"], zip_of({"kept.py": FIRST})))
    return made.json()["codebaseId"]


@pytest.mark.parametrize("name", REFUSED)
def test_upload__refuses_and_changes_nothing(server, keeper, name):
    codebase, kept = keeper, {"kept.py"}
    reply = upload(server, codebase, REFUSED[name], params={"replace": "true"})
    assert (reply.status_code, reply.json()["code"]) == (422, "unprocessable"), reply.text
    assert len(reply.json()["detail"]) > 20
    assert paths(server, codebase) == kept and found(server, codebase, "first_one") == kept


def test_upload__refuses_other_bodies(server, codebase, tree):
    json_body = server.http.post(f"/api/v1/codebase/{codebase}/upload", json={"files": []})
    assert (json_body.status_code, json_body.json()["code"]) == (415, "unsupported_media_type")
    for kind in ("multipart/form-data", "multipart/form-data; boundary=x", f"multipart/form-data; boundary={'x' * 71}"):
        form = upload(server, codebase, b"--y\r\n\r\n", kind)
        assert (form.status_code, form.json()["code"]) == (422, "unprocessable"), kind
    for torn in (b"--x\r\n", b"--x\r\nA: b\r\n\r\ncontent", b"--xy", b"--x\r\n\r\nfoo\r\n--x", b""):
        form = upload(server, codebase, torn, "multipart/form-data; boundary=x")
        assert form.status_code == 422, torn
    assert upload(server, "00000000-0000-7000-8000-000000000000", GOOD_ZIP).status_code == 404
    with socket.create_connection(server.url.removeprefix("http://").split(":")) as client:  # not a byte of it is read
        client.sendall(f"POST /api/v1/codebase/{codebase}/upload HTTP/1.1\r\nHost: localhost\r\n"
                       f"Content-Type: application/zip\r\nContent-Length: {300 << 20}\r\n\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 413")
    directory = upload(server, server.index(tree), GOOD_ZIP)
    assert (directory.status_code, directory.json()["code"]) == (422, "unprocessable")


def test_upload__after_upload_waits_for_the_job_that_runs(server, codebase):
    many = {f"m{i}.py": "".join(f"def f{i}_{j}(a, b):\n    return a + b * {j}\n\n" for j in range(40)) for i in range(300)}
    first = upload(server, codebase, zip_of(many))
    second = upload(server, codebase, zip_of({"late.py": FIRST}))
    assert first.status_code == 202
    assert len(taken(server, codebase, second)) == 301
    assert found(server, codebase, "first_one") == {"late.py"}
