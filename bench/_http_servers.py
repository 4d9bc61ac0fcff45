"""Servers to measure side by side: the net room alone (bench/http_probe.c) and nginx with the same reply."""
import contextlib
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BODY = '{"status":"ok"}'
WORKERS = 2

NGINX = """
worker_processes {workers};
daemon off;
master_process on;
pid {folder}/pid;
error_log {folder}/error.log;
worker_rlimit_nofile 20000;
events {{ worker_connections 16000; }}
http {{
    access_log off;
    keepalive_timeout 75s;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} reuseport backlog=1024;
        default_type application/json;
        location / {{ return 200 '{body}'; }}
    }}
}}
"""


@contextlib.contextmanager
def probe():
    """Our server; yields (port, [pids])."""
    subprocess.run(["cmake", "--build", str(ROOT / "build/release"), "--target", "http_probe"],
                   check=True, stdout=subprocess.DEVNULL)
    binary = ROOT / "build/release/bench/http_probe"
    child = subprocess.Popen([binary, str(WORKERS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield int(child.stdout.readline().split()[1]), [child.pid]
    finally:
        child.stdin.close()
        child.wait(20)


def wait_for(port):
    for _ in range(200):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise SystemExit(f"nothing listens on port {port}")


def children_of(pid):
    return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextlib.contextmanager
def nginx():
    """The peer; yields (port, [pids])."""
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not binary:
        raise SystemExit("the peer is missing: apt-get install nginx-light")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    folder = tempfile.mkdtemp(prefix="cm-nginx-")
    config = pathlib.Path(folder) / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, body=BODY, workers=WORKERS))
    child = subprocess.Popen([binary, "-c", str(config), "-p", folder], stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield port, [child.pid] + children_of(child.pid)
    finally:
        child.terminate()
        child.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def machine():
    """What a figure must be read with."""
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    cores = sum(1 for line in open("/proc/cpuinfo") if line.startswith("processor"))
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return {"cpu": cpu, "cores": cores, "load": open("/proc/loadavg").read().split()[0], "commit": commit.stdout.strip()}
