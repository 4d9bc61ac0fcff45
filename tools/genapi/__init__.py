"""Parts of tools/gen_api.py: spec (reading and checking), types (JSON schema to C), and one module per output."""
