"""A team outgrows its laptop: a database of a million rows goes to PostgreSQL by `codementor db copy`.

    script/bench store-copy [--rows N] [--postgres 16|18] [--no-kill]

The source is an embedded database of mixed rows (people, teams, workspaces, conversations, messages up to 64 KB, the
log of requests and results, metrics, documents up to 1 MB with their pieces, memories, vectors); the target a fresh PostgreSQL
with fsync on. Shown are seconds and the peak memory of the copying process, whole (VmHWM) and anonymous, looked at fifty times a
second. The command itself compares counts and checksums of both sides; the counts are compared here once more. Then the same
into another database, killed with SIGKILL when half of it is there, and run again: it must go on, and end with the same rows.
Ends with status 1 when memory passes 200 MB or rows are missing. Result: bench/results/store_copy.json."""
import argparse
import array
import json
import os
import pathlib
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid

import postgres

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIMIT_MB = 200
DIMS = 256
# Rows of a table per thousand of all.
SHARES = {"users": 2, "teams": 1, "team_members": 3, "workspaces": 2, "conversations": 20, "messages": 380,
          "completion_requests": 200, "completion_results": 160, "usage_metrics": 100, "memory_items": 42,
          "documents": 10, "document_chunks": 40, "embeddings": 40}


class Ids:
    """UUIDv7, a millisecond apart, from one seed."""
    def __init__(self, chance):
        self.chance, self.ms = chance, int(time.time() * 1000) - 20 * 86_400_000

    def next(self):
        self.ms += 1
        tail = self.chance.getrandbits(74)
        return str(uuid.UUID(int=self.ms << 80 | 7 << 76 | (tail >> 62) << 64 | 2 << 62 | tail & (1 << 62) - 1))


class Maker:
    def __init__(self, rows, seed=11):
        self.chance = random.Random(seed)
        self.ids = Ids(self.chance)
        words = ["".join(self.chance.choices("abcdefghijklmnopqrstuvwxyz", k=self.chance.randint(2, 9)))
                 for _ in range(4000)]
        self.book = " ".join(self.chance.choices(words, k=400_000))
        self.count = {table: max(1, rows * share // 1000) for table, share in SHARES.items()}
        self.count["messages"] += max(0, rows - sum(self.count.values()))
        self.made = {}

    def text(self, bytes_):
        at = int(self.chance.random() * (len(self.book) - bytes_))
        return self.book[at:at + bytes_]

    def length(self, most):
        """Mostly short, a few very long."""
        return min(most, int(self.chance.lognormvariate(5.3, 1.1)))

    def one_of(self, table):
        return self.chance.choice(self.made[table])

    def row(self, table, n):
        own, chance = self.ids.next(), self.chance
        if table == "users":
            return {"id": own, "email": f"person{n}@example.com", "name": self.text(14)}
        if table == "teams":
            return {"id": own, "name": self.text(10)}
        if table == "team_members":  # each person in at most two teams
            people = self.made["users"]
            return {"id": own, "team_id": self.made["teams"][n // len(people) % len(self.made["teams"])],
                    "user_id": people[n % len(people)]}
        if table == "workspaces":
            return {"id": own, "owner_id": self.one_of("users"), "name": self.text(20)}
        if table == "conversations":
            return {"id": own, "user_id": self.one_of("users"), "title": self.text(30),
                    "metadata": json.dumps({"editor": "vim", "n": n})}
        if table == "messages":
            return {"id": own, "conversation_id": self.one_of("conversations"), "user_id": self.one_of("users"),
                    "role": chance.choice(("user", "assistant")), "content": self.text(self.length(64_000)),
                    "tool_calls": json.dumps([{"name": "read", "arguments": {"path": self.text(20)}}]) if n % 9 == 0 else None}
        if table == "completion_requests":
            return {"id": own, "user_id": self.one_of("users"), "completion_type": "fim", "language": "c",
                    "model_used": "instant", "latency_ms": chance.randint(1, 900), "status": "success", "state": "delivered",
                    "state_timings": json.dumps({"received": 0, "delivered": chance.randint(1, 900)})}
        if table == "completion_results":
            request = self.made["completion_requests"][n % len(self.made["completion_requests"])]
            return {"id": own, "request_id": request, "user_id": self.one_of("users"),
                    "rank": n // len(self.made["completion_requests"]), "completion_text": self.text(self.length(4000)),
                    "confidence_score": chance.random(), "logprobs": json.dumps([-chance.random() for _ in range(8)])}
        if table == "usage_metrics":
            return {"id": own, "user_id": self.one_of("users"), "metric_type": "latency", "value": chance.random() * 900}
        if table == "memory_items":
            return {"id": own, "user_id": self.one_of("users"), "content": self.text(self.length(2000)), "source_type": "chat"}
        if table == "documents":
            return {"id": own, "owner_id": self.one_of("users"), "title": self.text(30),
                    "content": self.text(1_000_000 if n % 500 == 0 else self.length(40_000))}
        if table == "document_chunks":
            return {"id": own, "document_id": self.made["documents"][n % len(self.made["documents"])],
                    "owner_id": self.one_of("users"), "chunk_index": n // len(self.made["documents"]),
                    "chunk_text": self.text(self.length(1500))}
        subject = self.made["memory_items"][n] if n < len(self.made["memory_items"]) else self.made["messages"][n]
        return {"subject_type": "memory_item" if n < len(self.made["memory_items"]) else "message", "subject_id": subject,
                "embedding_model_id": self.model, "dims": DIMS, "user_id": self.one_of("users"),
                "embedding": array.array("f", (chance.random() - .5 for _ in range(DIMS))).tobytes()}

    def fill(self, database):
        self.model = database.execute("INSERT INTO embedding_models (provider_name, name, dimensions) SELECT name, 'bench', ? "
                                      "FROM ai_providers LIMIT 1 RETURNING id", (DIMS,)).fetchone()[0]
        keyless = {row[0] for row in database.execute("SELECT m.name FROM sqlite_schema m WHERE m.type = 'table' AND NOT EXISTS "
                                                      "(SELECT 1 FROM pragma_table_info(m.name) c WHERE c.name = 'id')")}
        for table in SHARES:
            self.made[table] = []
            columns = [name for name in self.row_names(table) if name != "id" or table not in keyless]
            statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
            database.executemany(statement, self.rows(table, columns))
            database.commit()

    def row_names(self, table):
        state, ms = self.chance.getstate(), self.ids.ms
        names = list(self.row(table, 0))
        self.chance.setstate(state)
        self.ids.ms = ms
        return names

    def rows(self, table, columns):
        for n in range(self.count[table]):
            row = self.row(table, n)
            self.made[table].append(row.get("id"))
            yield [row[name] for name in columns]


def make_source(binary, folder, rows):
    subprocess.run([binary, "migrate", "init", "--data-dir", folder], check=True, stdout=subprocess.DEVNULL)
    database = sqlite3.connect(folder / "codementor.db")
    database.execute("PRAGMA synchronous=OFF")
    Maker(rows).fill(database)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    found = {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in SHARES}
    database.close()
    return found


def memory(pid):
    fields = dict(re.findall(r"^(VmHWM|RssAnon|RssFile):\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M))
    return {name: int(value) / 1000 for name, value in fields.items()}


def copy(binary, folder, target, stop=None):
    """Runs the command; seconds, peaks and what it said. `stop()` true ends it with SIGKILL."""
    peaks, start = {}, time.monotonic()
    with subprocess.Popen([binary, "db", "copy", postgres.url_of(target), "--data-dir", folder],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL) as process:
        looked = 0.0
        while process.poll() is None:
            try:
                for name, value in memory(process.pid).items():
                    peaks[name] = max(peaks.get(name, 0), value)
            except OSError:
                break
            if stop and time.monotonic() - looked > .3:
                looked = time.monotonic()
                if stop():
                    process.kill()
            time.sleep(.02)
        out, problems = process.communicate()
    return {"seconds": time.monotonic() - start, "peaks": peaks, "status": process.returncode, "said": out.strip(),
            "problems": problems.strip()[-2000:]}


def must(done):
    if done["status"] != 0:
        sys.exit(f"db copy ended with {done['status']}: {done['problems']}")
    return done


def check_counts(found, target):
    for table, count in found.items():
        there = int(postgres.sql(f"SELECT count(*) FROM {table}", target))
        if there != count:
            sys.exit(f"table '{table}' has {there} rows instead of {count}")


def show(title, done, rows):
    peaks = done["peaks"]
    print(f"{title}: {done['seconds']:.1f} s, {rows / done['seconds']:,.0f} rows/s; memory at most {peaks['VmHWM']:.1f} MB "
          f"(anonymous {peaks['RssAnon']:.1f}, of files {peaks['RssFile']:.1f})\n  {done['said']}", flush=True)


def killed_and_continued(binary, folder, found):
    postgres.sql("CREATE DATABASE continued")
    half = found["messages"] // 2

    def is_half():
        made = postgres.sql("SELECT to_regclass('messages') IS NOT NULL", "continued")
        return made == "t" and int(postgres.sql("SELECT count(*) FROM messages", "continued")) >= half

    first = copy(binary, folder, "continued", is_half)
    if first["status"] != -9:
        sys.exit(f"db copy was not killed in the middle: it ended with {first['status']}: {first['problems']}")
    second = must(copy(binary, folder, "continued"))
    check_counts(found, "continued")
    return first, second


def inside(options):
    binary = os.environ["CODEMENTOR_BINARY"]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cm-copy-bench-", dir=options.directory))
    try:
        start = time.monotonic()
        found = make_source(binary, folder, options.rows)
        rows = sum(found.values())
        size = (folder / "codementor.db").stat().st_size / 1e6
        print(f"source: {rows:,} rows, {size:,.0f} MB, made in {time.monotonic() - start:.0f} s; target: PostgreSQL "
              f"{options.postgres}", flush=True)
        postgres.sql("CREATE DATABASE whole")
        whole = must(copy(binary, folder, "whole"))
        check_counts(found, "whole")
        show("whole", whole, rows)
        result = {"rows": rows, "source_mb": size, "postgres": options.postgres, "whole": whole}
        if not options.no_kill:
            result["killed"], result["continued"] = killed_and_continued(binary, folder, found)
            show("continued after kill -9 in the middle", result["continued"], rows)
    finally:
        shutil.rmtree(folder)
    out = ROOT / "bench" / "results" / "store_copy.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    highest = max(result[run]["peaks"]["VmHWM"] for run in ("whole", "continued") if run in result)
    print(f"peak memory {highest:.1f} MB of {LIMIT_MB} allowed; counts and checksums agree")
    return 1 if highest > LIMIT_MB else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--postgres", default="18", choices=["16", "18"])
    parser.add_argument("--directory", default=None, help="where the source is made (default: the temporary directory)")
    parser.add_argument("--no-kill", action="store_true", help="leave out the killed and continued copy")
    options = parser.parse_args()
    if postgres.SERVER:
        return inside(options)
    beside = [sys.executable, ROOT / "tests" / "tools" / "with_postgres.py", options.postgres, "--durable"]
    return subprocess.run([*beside, sys.executable, __file__, *sys.argv[1:]], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
