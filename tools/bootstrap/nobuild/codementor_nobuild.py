"""A build back-end that builds nothing: it tells pip a source archive's name and version, no more."""

import os
from email.parser import HeaderParser


def get_requires_for_build_wheel(config_settings=None):
    return []


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    with open("PKG-INFO", encoding="utf-8") as stream:
        info = HeaderParser().parse(stream)
    name, version = info["Name"], info["Version"]
    directory = f"{name.replace('-', '_')}-{version}.dist-info"
    os.makedirs(os.path.join(metadata_directory, directory))
    with open(os.path.join(metadata_directory, directory, "METADATA"), "w", encoding="utf-8") as out:
        out.write(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return directory


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    raise RuntimeError("source archives are unpacked by tools/bootstrap, not built by pip")
