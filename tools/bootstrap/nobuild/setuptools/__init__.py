"""Stands in for setuptools while pip reads a source archive; see codementor_nobuild."""
