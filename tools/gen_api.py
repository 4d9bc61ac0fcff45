#!/usr/bin/env python3
"""Turns spec/openapi.yaml into the API's C structs, codec tables, route table and embedded documents.

    gen_api.py SPEC OUT_DIRECTORY     writes api_gen.h schemas_gen.c routes_gen.c openapi_gen.c
"""
import sys

from gencommon import write

from genapi.document import json_text
from genapi.reference import embedded_text
from genapi.routes import Routes
from genapi.spec import Spec
from genapi.structs import Tables, header_text
from genapi.types import Types


def main(file, directory):
    spec = Spec(file)
    types = Types(spec)
    write(f"{directory}/api_gen.h", header_text(spec, types))
    write(f"{directory}/schemas_gen.c", Tables(types).text())
    write(f"{directory}/routes_gen.c", Routes(spec, types, Tables(types)).text())
    write(f"{directory}/openapi_gen.c", embedded_text(json_text(spec), spec))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
