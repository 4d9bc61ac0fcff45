"""Stands in for scikit-build-core while pip reads a source archive; see codementor_nobuild."""
