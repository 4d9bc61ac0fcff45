"""Fetches, verifies and builds everything CodeMentor needs, once, into the user's cache.

The story: deps/lock.toml names every package. Each thing made from them (an artefact: a static library,
a folder of queries, a model, a virtual environment) has a key, the hash of all it is made from: package
hashes, patches, recipe version, compiler. It lives in `store/<name>-<key>/` under the cache, so a changed
lock entry rebuilds only what depends on it and several checkouts share the rest. `.deps` in the checkout
links to a directory of links for exactly the current keys.

Rejected: one directory for one lock file (every changed line would rebuild llama.cpp for 2.5 minutes);
git submodules and vendored sources (third-party source is never committed).

Invariant: a directory in the store is complete or absent. Builds happen in a temporary directory and
are renamed at the end, under a file lock, so kill -9 and concurrent runs are harmless."""
